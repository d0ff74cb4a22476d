"""For planners: what can be said with a question, and the message that says it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from pixelrefer_ros.msg import RegionQuery, RegionReference
from pixelrefer_ros.ros.conversions import to_duration


class QueryOptions(TypedDict, total=False):
    """Keywords of `build_query`, and of all that ask with it."""

    camera: str
    num_frames: int
    history_s: float
    timeout_s: float
    max_new_tokens: int
    return_masks: bool


def build_query(
    regions: RegionReference | Sequence[RegionReference],
    prompt: str = "",
    *,
    camera: str = "",
    num_frames: int = 0,
    history_s: float = 0.0,
    timeout_s: float = 30.0,
    max_new_tokens: int = 0,
    return_masks: bool = False,
) -> RegionQuery:
    """Put a question into a message.

    camera: needed where there are several. num_frames: above 1, the objects are followed over the
    last `history_s`, or as far as the buffer reaches if that is 0. timeout_s: for waiting and
    inference. max_new_tokens: of an answer, 0: as many as the node allows by itself.
    """
    return RegionQuery(
        camera=camera,
        prompt=prompt,
        regions=[regions] if isinstance(regions, RegionReference) else list(regions),
        num_frames=num_frames,
        history=to_duration(history_s),
        timeout=to_duration(timeout_s),
        max_new_tokens=max_new_tokens,
        return_masks=return_masks,
    )

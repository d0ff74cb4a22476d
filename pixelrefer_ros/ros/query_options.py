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
    max_frame_age_s: float
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
    max_frame_age_s: float = 0.0,
    timeout_s: float = 30.0,
    max_new_tokens: int = 0,
    return_masks: bool = False,
) -> RegionQuery:
    """Put a question into a message.

    camera: needed where there are several. num_frames: above 1, the objects are followed over the
    last `history_s`, or as far as the buffer reaches if that is 0. max_frame_age_s: of the newest
    frame, where the stamp is zero, 0: the node's `request.max_frame_age`. timeout_s: for waiting
    and inference; the client waits no longer than that for the reply, so it is never 0, and
    `ValueError` is raised where it is. max_new_tokens: of an answer, 0: the node's
    `request.max_new_tokens`.
    """
    if timeout_s <= 0:
        raise ValueError(f"timeout_s is {timeout_s}, must be above 0")
    return RegionQuery(
        camera=camera,
        prompt=prompt,
        regions=[regions] if isinstance(regions, RegionReference) else list(regions),
        num_frames=num_frames,
        history=to_duration(history_s),
        max_frame_age=to_duration(max_frame_age_s),
        timeout=to_duration(timeout_s),
        max_new_tokens=max_new_tokens,
        return_masks=return_masks,
    )

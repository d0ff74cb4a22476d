"""A planner's question, checked and with its frames at hand."""

from __future__ import annotations

from dataclasses import dataclass

from pixelrefer_ros.engine.query import Query
from pixelrefer_ros.streams.frame import Frame
from pixelrefer_ros.streams.frame_buffer import FrameBuffer


@dataclass(frozen=True)
class Inquiry:
    """A checked `RegionQuery` with the frames it speaks of, taken out of the buffer.

    follow: the objects are still to be followed over all frames, which are in the order of time.
    waiting_s, finding_s: how long they waited to be found and followed, and how long that took.
    made_up: names that following gave to objects without one.
    """

    buffer: FrameBuffer
    frames: tuple[Frame, ...]
    query: Query
    timeout_s: float
    return_masks: bool
    follow: bool = False
    waiting_s: float = 0.0
    finding_s: float = 0.0
    made_up: frozenset[str] = frozenset()

    def given_name(self, object_id: str) -> str:
        """Return what the planner calls an object; "" stays ""."""
        return "" if object_id in self.made_up else object_id

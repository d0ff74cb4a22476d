"""The frames over which objects are followed."""

from __future__ import annotations

from collections.abc import Sequence

from pixelrefer_ros.errors import (
    FrameEvictedError,
    InvalidRegionError,
    UnsupportedEncodingError,
)
from pixelrefer_ros.streams.frame import Frame
from pixelrefer_ros.streams.frame_buffer import FrameBuffer
from pixelrefer_ros.streams.sampling import sample_evenly
from pixelrefer_ros.streams.stamps import NANOSECONDS


def sample_frames(
    buffer: FrameBuffer, pointed_at: Sequence[Frame], count: int, history_ns: int
) -> list[Frame]:
    """Choose `count` frames in the order of time, those pointed at among them.

    They lie evenly in time in the `history_ns` before the newest frame pointed at, or in all the
    buffer has before it if that is 0; only frames of its size are taken, no damaged ones. Raises
    `FrameEvictedError` when time jumped back among the frames pointed at, `InvalidRegionError` for
    frames of several sizes or a history below 0.
    """
    if history_ns < 0:
        raise InvalidRegionError(f"history is {history_ns / NANOSECONDS:.3f} s, must be at least 0")
    newest = max(pointed_at, key=lambda frame: (frame.epoch, frame.stamp_ns))
    for frame in pointed_at:
        if frame.epoch != newest.epoch:
            raise FrameEvictedError(
                f"time of camera '{buffer.name}' jumped back meanwhile; ask again"
            )
        if frame.size != newest.size:
            raise InvalidRegionError(
                f"frames of {frame.size[1]} x {frame.size[0]} and {newest.size[1]} x "
                f"{newest.size[0]} pixels are pointed at; objects are followed over one size only"
            )
    start_ns = newest.stamp_ns - history_ns if history_ns else 0
    candidates = {
        frame.stamp_ns: frame
        for frame in (*buffer.between(start_ns, newest.stamp_ns), *pointed_at)
        if frame.epoch == newest.epoch and _has_size(frame, newest.size)
    }
    stamps_ns = sorted(candidates)
    always = {stamps_ns.index(frame.stamp_ns) for frame in pointed_at}
    return [
        candidates[stamps_ns[place]] for place in sample_evenly(stamps_ns, count, always=always)
    ]


def _has_size(frame: Frame, size: tuple[int, int]) -> bool:
    try:
        return frame.size == size
    except UnsupportedEncodingError:  # a compressed image without its head
        return False

from __future__ import annotations

import pytest

from pixelrefer_ros.errors import FrameEvictedError, InvalidRegionError
from pixelrefer_ros.ros.frame_choice import sample_frames
from pixelrefer_ros.streams.frame import Frame
from pixelrefer_ros.streams.frame_buffer import FrameBuffer
from pixelrefer_ros.streams.image_codec import CompressedImage, RawImage

SECOND = 1_000_000_000


def frame(tenths: int, width: int = 4) -> Frame:
    image = RawImage(2, width, "mono8", False, width, bytes(2 * width))
    return Frame("front", tenths * SECOND // 10, "optical", image)


@pytest.fixture
def buffer() -> FrameBuffer:
    """A frame every tenth of a second, from 10 to 14 s."""
    buffer = FrameBuffer("front", seconds=60.0, frames=100, max_bytes=10**6, stamp_tolerance=0.0)
    for tenths in range(100, 141):
        buffer.append(frame(tenths))
    return buffer


def tenths(frames: list[Frame]) -> list[int]:
    return [frame.stamp_ns * 10 // SECOND for frame in frames]


def test_frames_lie_evenly_in_the_history_before_the_one_pointed_at(buffer):
    pointed_at = [buffer.at(13 * SECOND)]
    assert tenths(sample_frames(buffer, pointed_at, 5, 2 * SECOND)) == [110, 115, 120, 125, 130]


def test_no_history_is_all_there_is(buffer):
    assert tenths(sample_frames(buffer, [buffer.newest()], 5, 0)) == [100, 110, 120, 130, 140]


def test_every_frame_pointed_at_is_among_them_also_before_the_history(buffer):
    pointed_at = [buffer.at(13 * SECOND), buffer.at(101 * SECOND // 10)]
    assert tenths(sample_frames(buffer, pointed_at, 3, SECOND))[0] == 101
    assert tenths(sample_frames(buffer, pointed_at, 3, SECOND))[-1] == 130


def test_the_buffer_may_have_fewer(buffer):
    assert tenths(sample_frames(buffer, [buffer.newest()], 9, SECOND // 5)) == [138, 139, 140]


def test_a_frame_pointed_at_that_has_left_the_buffer_counts(buffer):
    gone = frame(95)
    assert tenths(sample_frames(buffer, [gone, buffer.newest()], 2, 0)) == [95, 140]


def test_never_across_a_jump_in_time(buffer):
    before = buffer.newest()
    buffer.append(frame(20))
    buffer.append(frame(21))
    assert tenths(sample_frames(buffer, [before], 9, 0)) == [140]
    assert tenths(sample_frames(buffer, [buffer.newest()], 9, 0)) == [20, 21]
    with pytest.raises(FrameEvictedError, match="time of camera 'front' jumped back"):
        sample_frames(buffer, [before, buffer.newest()], 9, 0)


def test_frames_of_another_size_are_left_out(buffer):
    buffer.append(frame(141, width=8))
    buffer.append(frame(142, width=8))
    assert tenths(sample_frames(buffer, [buffer.newest()], 9, 0)) == [141, 142]
    with pytest.raises(InvalidRegionError, match="frames of 4 x 2 and 8 x 2 pixels"):
        sample_frames(buffer, [buffer.at(10 * SECOND), buffer.newest()], 9, 0)


def test_damaged_frames_are_left_out(buffer):
    buffer.append(Frame("front", 141 * SECOND // 10, "optical", CompressedImage("jpeg", b"")))
    buffer.append(frame(142))
    assert tenths(sample_frames(buffer, [buffer.newest()], 9, SECOND // 5)) == [140, 142]


def test_history_is_not_negative(buffer):
    with pytest.raises(InvalidRegionError, match=r"history is -1\.000 s, must be at least 0"):
        sample_frames(buffer, [buffer.newest()], 9, -SECOND)

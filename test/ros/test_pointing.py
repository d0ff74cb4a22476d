"""Pointing by name at a watched object that has not been seen lately."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

from pixelrefer_ros.errors import FrameStaleError, ObjectLostError
from pixelrefer_ros.msg import RegionReference
from pixelrefer_ros.regions.reference import Region
from pixelrefer_ros.ros.pointing import Pointer
from pixelrefer_ros.ros.track import Sighting
from pixelrefer_ros.streams.frame import Frame
from pixelrefer_ros.streams.frame_buffer import FrameBuffer
from pixelrefer_ros.streams.image_codec import RawImage

SECOND = 1_000_000_000


def frame(second: int) -> Frame:
    return Frame("front", second * SECOND, "optical", RawImage(2, 4, "mono8", False, 4, bytes(8)))


@dataclass
class SeenAt:
    """A live track, as far as pointing looks at one."""

    sighting: Sighting
    object_id: str = "cup"
    ended: Future = field(default_factory=Future)

    def latest(self) -> Sighting:
        return self.sighting

    def live(self, camera: str) -> list[SeenAt]:
        return [self]


@pytest.fixture
def buffer() -> FrameBuffer:
    buffer = FrameBuffer("front", seconds=60.0, frames=9, max_bytes=10**6, stamp_tolerance=0.0)
    for second in (10, 11, 12):
        buffer.append(frame(second))
    return buffer


def point(buffer: FrameBuffer, now_s: float) -> Frame:
    seen = SeenAt(Sighting(buffer.at(10 * SECOND), Region(box=(0, 0, 2, 2)), 1.0))
    pointer = Pointer(buffer, seen, round(now_s * SECOND), SECOND)
    return pointer.look_up(RegionReference(object_id="cup"), name="regions[0]").frame


def test_where_it_was_seen_just_now(buffer):
    buffer.append(frame(10))  # time jumped back: 10 s is the newest
    assert point(buffer, 10.5).stamp_ns == 10 * SECOND


def test_hidden_for_longer_than_a_frame_may_be_old(buffer):
    with pytest.raises(ObjectLostError, match=r"'cup' was last seen 2\.500 s ago; max_frame_age"):
        point(buffer, 12.5)


def test_a_silent_camera_is_another_matter(buffer):
    with pytest.raises(FrameStaleError, match=r"regions\[0\]: the newest frame is 3\.000 s old"):
        point(buffer, 15.0)

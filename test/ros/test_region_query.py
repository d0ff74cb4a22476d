"""Queries read without a node, and results of calls that were withdrawn."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

from builtin_interfaces.msg import Time

from pixelrefer_ros.engine.query import Answer, Query, Timing
from pixelrefer_ros.msg import RegionQuery, RegionReference, RegionResult
from pixelrefer_ros.regions.reference import Region
from pixelrefer_ros.ros.call import Call
from pixelrefer_ros.ros.inquiry import Inquiry
from pixelrefer_ros.ros.references import box_reference, object_reference
from pixelrefer_ros.ros.region_query import build_result, build_withdrawn, read_query
from pixelrefer_ros.ros.track import Sighting
from pixelrefer_ros.streams.frame import Frame
from pixelrefer_ros.streams.frame_buffer import FrameBuffer
from pixelrefer_ros.streams.image_codec import RawImage

SECOND = 1_000_000_000
SECONDS = range(1, 7)


def make_frame(second: int) -> Frame:
    return Frame("front", second * SECOND, "optical", RawImage(2, 4, "mono8", False, 4, bytes(8)))


@pytest.fixture
def buffer() -> FrameBuffer:
    buffer = FrameBuffer("front", seconds=60.0, frames=9, max_bytes=10**6, stamp_tolerance=0.0)
    for second in SECONDS:
        buffer.append(make_frame(second))
    return buffer


@dataclass(eq=False)
class Watched:
    """In place of the tracks of a node: one object, seen on the frames of some seconds."""

    seen: Iterable[int]
    object_id: str = "cup"

    def live(self, camera: str) -> list[Watched]:
        return [self]

    def on(self, frame: Frame) -> Sighting | None:
        if frame.stamp_ns // SECOND not in self.seen:
            return None
        return Sighting(frame, Region(object_id=self.object_id, box=(1, 0, 2, 2)), 1.0)


def named(second: int) -> RegionReference:
    return object_reference("cup", stamp=Time(sec=second))


def boxed(second: int) -> RegionReference:
    return box_reference(0, 0, 1, 1, stamp=Time(sec=second), object_id="cup")


@pytest.fixture
def read(buffer, settings):
    """Return the regions that are asked about: object, second and box of each."""

    def read(*references: RegionReference, num_frames: int, seen: Iterable[int] = SECONDS):
        message = RegionQuery(regions=references, num_frames=num_frames)
        inquiry = read_query(message, {"front": buffer}, Watched(seen), settings, 6 * SECOND)
        return [
            (region.object_id, inquiry.frames[region.frame].stamp_ns // SECOND, region.box)
            for region in inquiry.query.regions
        ]

    return read


@pytest.mark.parametrize("num_frames", [0, 1])
@pytest.mark.parametrize("other", [named, boxed])
def test_without_following_a_watched_object_is_where_it_is_pointed_at(read, num_frames, other):
    box = (1, 0, 2, 2) if other is named else (0, 0, 1, 1)
    found = read(named(2), other(5), num_frames=num_frames)
    assert found == [("cup", 2, (1, 0, 2, 2)), ("cup", 5, box)]


@pytest.mark.parametrize("other", [named, boxed])
def test_a_watched_object_has_one_region_on_each_frame(read, other):
    for references in ((named(2), other(5)), (other(5), named(2))):
        found = read(*references, num_frames=5)
        seconds = [second for _, second, _ in found]
        assert sorted(seconds) == [1, 2, 3, 4, 5]
        boxes = {second: box for _, second, box in found}
        assert boxes.pop(5) == ((1, 0, 2, 2) if other is named else (0, 0, 1, 1))
        assert set(boxes.values()) == {(1, 0, 2, 2)}


def test_where_a_watched_object_was_not_seen_it_has_no_region(read):
    assert [second for _, second, _ in read(named(6), num_frames=6, seen=(1, 2, 6))] == [6, 1, 2]


def test_the_time_before_the_model_is_told_as_well(buffer):
    frame, region = make_frame(1), Region(box=(0, 0, 1, 1))
    inquiry = Inquiry(
        buffer,
        (frame,),
        Query(frames=[frame], regions=[region]),
        timeout_s=1.0,
        return_masks=False,
        waiting_s=10.0,
        finding_s=20.0,
    )
    timing = Timing(1.0, 2.0, 3.0, 4.0, 5.0, 6.0)
    result = build_result(inquiry, [Answer(("",), "a", 1.0, False, 1, (), "model", timing)])
    assert (result.queue_time.sec, result.preprocess_time.sec) == (11, 22)


@pytest.mark.parametrize("region", [Region(points=[(1.0, 1.0)]), Region(box=(0, 0, 90, 1))])
def test_withdrawn_before_its_objects_were_found(buffer, region):
    frame = make_frame(1)
    query = Query(frames=[frame], regions=[region], prompt="What is it?")
    inquiry = Inquiry(buffer, (frame,), query, timeout_s=1.0, return_masks=False)
    call = Call("planner")
    call.withdraw("the client canceled the request")
    result = build_withdrawn(inquiry, call)
    assert result.error_code == RegionResult.CANCELED
    assert result.error_msg == "the client canceled the request"
    assert (list(result.answers), list(result.regions)) == ([], [])

"""What stands on the pictures of `~/annotated`, without a node."""

from __future__ import annotations

from collections.abc import Iterator

import moving_square
import numpy as np
import pytest
from moving_square import SECOND, frame_at
from polling import wait_until
from sensor_msgs.msg import Image

from pixelrefer_ros.engine.query import Answer, Query
from pixelrefer_ros.errors import CanceledError
from pixelrefer_ros.regions.drawing import draw_regions
from pixelrefer_ros.regions.propagation import make_propagator
from pixelrefer_ros.regions.reference import Region
from pixelrefer_ros.regions.segmentation import make_segmenter
from pixelrefer_ros.ros.annotation import Annotator
from pixelrefer_ros.ros.conversions import to_raw_image
from pixelrefer_ros.ros.inquiry import Inquiry
from pixelrefer_ros.ros.region_finding import RegionFinder
from pixelrefer_ros.ros.region_thread import RegionThread
from pixelrefer_ros.ros.track import Track
from pixelrefer_ros.ros.tracks import Tracks
from pixelrefer_ros.streams.frame_buffer import FrameBuffer
from pixelrefer_ros.streams.image_codec import to_rgb

CORNER, MIDDLE = (4, 90, 30, 20), (70, 60, 30, 20)


class Viewer:
    """In place of a publisher: somebody who looks at every picture."""

    def __init__(self) -> None:
        self.pictures: list[np.ndarray] = []

    def get_subscription_count(self) -> int:
        return 1

    def publish(self, message: Image) -> None:
        self.pictures.append(to_rgb(to_raw_image(message)))


@pytest.fixture
def buffer() -> FrameBuffer:
    buffer = FrameBuffer("front", seconds=5.0, frames=100, max_bytes=10**8, stamp_tolerance=0.0)
    buffer.append(frame_at(1.0))
    return buffer


@pytest.fixture
def tracks() -> Iterator[Tracks]:
    thread = RegionThread(capacity=4)
    finder = RegionFinder(make_segmenter("none"), make_propagator("flow"), thread)
    tracks = Tracks(finder, max_count=2, lost_after_s=9.0)
    yield tracks
    tracks.end_all(CanceledError("the test is over"))
    thread.close()


def watch(tracks: Tracks, buffer: FrameBuffer) -> Track:
    """Watch the square from the newest frame on, and wait until it is known there."""
    frame = buffer.newest()
    square = Region(object_id="square", mask=moving_square.mask_at(frame.stamp_ns / SECOND))
    track = tracks.start(buffer, frame, square, timeout_s=60.0, on_step=lambda _: None)
    wait_until(lambda: track.on(frame) is not None)
    return track


def inquire(buffer: FrameBuffer, *regions: Region, made_up: frozenset[str]) -> Inquiry:
    frame = buffer.newest()
    query = Query(frames=[frame], regions=regions, prompt="What is it?")
    return Inquiry(buffer, (frame,), query, 9.0, return_masks=False, made_up=made_up)


def answer(text: str) -> Answer:
    return Answer(("",), text, 0.5, False, 1, (), "m", None)


def test_the_last_words_and_the_names_that_were_given(buffer):
    unnamed, named = Region(object_id="region 0", box=CORNER), Region(object_id="cup", box=MIDDLE)
    inquiry = inquire(buffer, unnamed, named, made_up=frozenset({"region 0"}))
    viewer = Viewer()
    annotator = Annotator(viewer)
    annotator.note_answer(inquiry, [answer("a mug"), answer("a cup")])
    annotator.show_answer(inquiry, [])
    plain = moving_square.draw(1.0)
    masks = [region.to_mask(*plain.shape[:2]) for region in (unnamed, named)]
    expected = draw_regions(plain, masks, ["", "cup"], caption="a mug\na cup")
    assert (viewer.pictures[0] == expected).all()
    assert expected.shape[0] > plain.shape[0] + 20, "two lines below"
    assert (expected[: len(plain)] != draw_regions(plain, masks, ["", ""])).any()


def test_words_are_forgotten(buffer):
    inquiry = inquire(buffer, Region(box=CORNER), made_up=frozenset())
    viewer = Viewer()
    annotator = Annotator(viewer)
    annotator.note_answer(inquiry, [answer("a mug")])
    annotator.forget()
    annotator.show_answer(inquiry, [])
    assert viewer.pictures[0].shape[0] == moving_square.HEIGHT


def test_a_watched_object_is_named_beside_what_was_asked_about(buffer, tracks):
    track = watch(tracks, buffer)
    region = Region(object_id="cup", box=CORNER)
    viewer = Viewer()
    Annotator(viewer).show_answer(inquire(buffer, region, made_up=frozenset()), [track])
    plain = moving_square.draw(1.0)
    masks = [region.to_mask(*plain.shape[:2]), moving_square.mask_at(1.0)]
    assert (viewer.pictures[0] == draw_regions(plain, masks, ["cup", "square"])).all()


def test_an_object_that_is_hidden_is_not_drawn(buffer, tracks):
    track = watch(tracks, buffer)
    hidden, after = (
        frame_at(1.1, hidden=True),
        frame_at(1.2, hidden=True),
    )
    buffer.append(hidden)
    wait_until(lambda: track.on(hidden) is not None)
    for frame in (hidden, after):  # to the second it is still to step
        viewer = Viewer()
        Annotator(viewer).show_tracks(frame, [track])
        assert (viewer.pictures[0] == to_rgb(frame.image)).all()
    assert track.latest().frame.stamp_ns == SECOND, "where it was last seen is known all the same"


def test_an_object_that_is_still_to_step_is_drawn_where_it_was(buffer, tracks):
    track = watch(tracks, buffer)
    viewer = Viewer()
    Annotator(viewer).show_tracks(frame_at(1.1), [track])
    expected = draw_regions(moving_square.draw(1.1), [moving_square.mask_at(1.0)], ["square"])
    assert (viewer.pictures[0] == expected).all()

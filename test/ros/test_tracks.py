"""Watching a moving square, frame by frame, with optical flow."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import moving_square
import pytest
from moving_square import SECOND, frame_at
from polling import wait_until

from pixelrefer_ros.errors import (
    BusyError,
    CanceledError,
    DeadlineError,
    InvalidRegionError,
    ObjectLostError,
)
from pixelrefer_ros.regions.propagation import make_propagator
from pixelrefer_ros.regions.reference import Region
from pixelrefer_ros.regions.segmentation import make_segmenter
from pixelrefer_ros.ros.region_finding import RegionFinder
from pixelrefer_ros.ros.region_thread import RegionThread
from pixelrefer_ros.ros.track import Sighting, Track, choose_next
from pixelrefer_ros.ros.tracks import Tracks
from pixelrefer_ros.streams.frame import Frame
from pixelrefer_ros.streams.frame_buffer import FrameBuffer
from pixelrefer_ros.streams.image_codec import CompressedImage, from_rgb


def region(seconds: float, object_id: str = "square") -> Region:
    return Region(object_id=object_id, mask=moving_square.mask_at(seconds))


@pytest.fixture
def buffer() -> FrameBuffer:
    return FrameBuffer("front", seconds=5.0, frames=100, max_bytes=10**8, stamp_tolerance=0.0)


@pytest.fixture
def tracks() -> Iterator[Tracks]:
    thread = RegionThread(capacity=4)
    finder = RegionFinder(make_segmenter("none"), make_propagator("flow"), thread)
    tracks = Tracks(finder, max_count=2, lost_after_s=0.5)
    yield tracks
    tracks.end_all(CanceledError("the test is over"))
    thread.close()


class Steps:
    """Hears the steps of a track."""

    def __init__(self) -> None:
        self.heard: list[Sighting] = []
        self._changed = threading.Condition()

    def __call__(self, sighting: Sighting) -> None:
        with self._changed:
            self.heard.append(sighting)
            self._changed.notify_all()

    def wait_for(self, stamp_ns: int) -> Sighting:
        with self._changed:
            assert self._changed.wait_for(
                lambda: self.heard and self.heard[-1].frame.stamp_ns >= stamp_ns, 20
            ), f"{len(self.heard)} steps"
            return self.heard[-1]


def watch(tracks: Tracks, buffer: FrameBuffer, seconds: float = 0.0, **changes) -> Track:
    start = buffer.at(round(seconds * SECOND))
    options = {"timeout_s": 60.0, "on_step": Steps(), **changes}
    return tracks.start(buffer, start, region(seconds), **options)


def test_an_object_is_followed_to_every_new_frame(tracks, buffer):
    buffer.append(frame_at(0.0))
    steps = Steps()
    track = watch(tracks, buffer, on_step=steps)
    steps.wait_for(0)
    for tenth in range(1, 12):
        buffer.append(frame_at(tenth / 10))
        sighting = steps.wait_for(tenth * SECOND // 10)
        assert sighting.region is not None
        overlap = moving_square.overlap(sighting.region.box, moving_square.box_at(tenth / 10))
        assert overlap > 0.7, tenth
    assert track.latest() is sighting
    assert track.on(buffer.at(SECOND // 2)).frame.stamp_ns == SECOND // 2
    assert not track.ended.done()


def test_from_an_old_frame_it_catches_up_in_steps_that_can_be_followed(tracks, buffer):
    for twentieth in range(41):
        buffer.append(frame_at(twentieth / 20))
    steps = Steps()
    watch(tracks, buffer, on_step=steps)
    sighting = steps.wait_for(2 * SECOND)
    assert moving_square.overlap(sighting.region.box, moving_square.box_at(2.0)) > 0.8
    stamps = [step.frame.stamp_ns for step in steps.heard]
    assert stamps[0] == 0
    assert 4 < len(stamps) < 14


def test_what_is_not_seen_for_long_is_lost(tracks, buffer):
    buffer.append(frame_at(0.0))
    steps = Steps()
    track = watch(tracks, buffer, on_step=steps)
    for tenth in range(1, 5):
        steps.wait_for((tenth - 1) * SECOND // 10)
        buffer.append(frame_at(tenth / 10))
    for tenth in range(5, 15):
        wait_until(
            lambda reached_ns=(tenth - 1) * SECOND // 10: (
                track.ended.done() or steps.heard[-1].frame.stamp_ns >= reached_ns
            )
        )
        if track.ended.done():
            break
        buffer.append(frame_at(tenth / 10, hidden=True))
        time.sleep(0.05)
    reason = track.ended.result(10)
    assert isinstance(reason, ObjectLostError)
    assert "object 'square' was not seen for more than 0.5 s (tracks.lost_after)" in str(reason)
    assert track.latest().frame.stamp_ns == 4 * SECOND // 10
    assert steps.heard[-1].region is None
    assert tracks.live("front") == []


def test_a_damaged_frame_does_not_end_it(tracks, buffer):
    buffer.append(frame_at(0.0))
    steps = Steps()
    track = watch(tracks, buffer, on_step=steps)
    steps.wait_for(0)
    damaged = CompressedImage("jpeg", b"no picture")
    buffer.append(Frame("front", SECOND // 10, "optical", damaged))
    assert steps.wait_for(SECOND // 10).region is None
    buffer.append(frame_at(0.2))
    assert steps.wait_for(SECOND // 5).region is not None
    assert not track.ended.done()


def test_a_jump_back_in_time_ends_it(tracks, buffer):
    buffer.append(frame_at(9.0))
    steps = Steps()
    track = watch(tracks, buffer, 9.0, on_step=steps)
    steps.wait_for(9 * SECOND)
    buffer.append(frame_at(0.0))
    reason = track.ended.result(10)
    assert isinstance(reason, ObjectLostError)
    assert "time of camera 'front' jumped back from 9.000000000 to 0.000000000" in str(reason)


def test_time_is_limited_also_while_the_camera_is_silent(tracks, buffer):
    buffer.append(frame_at(0.0))
    reason = watch(tracks, buffer, timeout_s=0.2).ended.result(30)
    assert isinstance(reason, DeadlineError)
    assert "timeout is 0.200 s" in str(reason)


def test_a_region_of_no_use_ends_it_at_once(tracks, buffer):
    buffer.append(frame_at(0.0))
    outside = Region(object_id="square", box=(150, 0, 20, 20))
    track = tracks.start(buffer, buffer.newest(), outside, timeout_s=9.0, on_step=Steps())
    assert isinstance(track.ended.result(30), InvalidRegionError)
    assert track.latest() is None


def test_names_are_needed_and_taken_once(tracks, buffer):
    buffer.append(frame_at(0.0))
    with pytest.raises(InvalidRegionError, match=r"region.object_id is empty"):
        tracks.start(buffer, buffer.newest(), region(0.0, ""), timeout_s=9.0, on_step=Steps())
    first = watch(tracks, buffer)
    with pytest.raises(InvalidRegionError, match="'square', which is watched on camera 'front'"):
        watch(tracks, buffer)
    first.end(CanceledError("enough"))
    assert watch(tracks, buffer) in tracks.live("front")
    assert tracks.live("rear") == []


def test_their_number_is_limited(tracks, buffer):
    buffer.append(frame_at(0.0))
    for name in ("one", "two"):
        tracks.start(buffer, buffer.newest(), region(0.0, name), timeout_s=9.0, on_step=Steps())
    with pytest.raises(BusyError, match=r"2 objects are watched, at most 2 .*tracks.max_count"):
        watch(tracks, buffer)


def test_sightings_are_kept_as_long_as_their_frames(tracks, buffer):
    buffer.append(frame_at(0.0))
    steps = Steps()
    track = watch(tracks, buffer, on_step=steps)
    first = buffer.newest()
    steps.wait_for(0)
    assert track.on(first) is not None
    for half in range(1, 13):
        buffer.append(frame_at(half / 2))
        steps.wait_for(half * SECOND // 2)
    assert track.on(first) is None


@pytest.mark.parametrize(
    ("news", "chosen"),
    [
        ([30], 30),
        ([30, 60, 200], 200),  # not far behind: the newest
        ([100, 190, 210, 300], 190),  # 200 ms at most, while that is enough
        ([100, 900, 1000, 1100, 4000], 1000),  # far behind: a quarter of the way
        ([900, 1000], 900),  # nothing nearer
    ],
)
def test_the_next_frame(news, chosen):
    start = Frame("front", 0, "", from_rgb(moving_square.draw(0.0)))
    frames = [Frame("front", ms * 1_000_000, "", start.image) for ms in news]
    assert choose_next(start, frames).stamp_ns == chosen * 1_000_000

"""Tracks without a node: what they hold, and for how long."""

from __future__ import annotations

import time
import weakref

import numpy as np
import pytest

from pixelrefer_ros.errors import DeadlineError, ObjectLostError
from pixelrefer_ros.regions.propagation import make_propagator
from pixelrefer_ros.regions.reference import Region
from pixelrefer_ros.regions.segmentation import make_segmenter
from pixelrefer_ros.ros.region_finding import RegionFinder
from pixelrefer_ros.ros.region_thread import RegionThread
from pixelrefer_ros.ros.track import Track
from pixelrefer_ros.streams.frame import Frame
from pixelrefer_ros.streams.frame_buffer import FrameBuffer
from pixelrefer_ros.streams.image_codec import from_rgb


@pytest.fixture
def finder():
    finder = RegionFinder(
        make_segmenter("none", model="", device="cpu"),
        make_propagator("flow", threshold=0.5, model="", device="cpu"),
        RegionThread(4),
    )
    yield finder
    finder.thread.close()


def a_frame(stamp_ns: int, side: int = 64) -> Frame:
    rgb = np.full((side, side, 3), 90, np.uint8)
    rgb[20:40, 20:40] = np.random.default_rng(0).integers(0, 255, (20, 20, 3))
    return Frame("front", stamp_ns, "camera", from_rgb(rgb))


@pytest.mark.parametrize(
    ("side", "timeout_s", "reason"), [(64, 0.5, DeadlineError), (80, 30.0, ObjectLostError)]
)
def test_a_track_that_ended_lets_go_of_its_pictures(
    finder, without_collector, side, timeout_s, reason
):
    """Nor does it wait for the collector of cycles, which with a model in memory is rarely run."""
    buffer = FrameBuffer("front", seconds=0.5, frames=9, max_bytes=10**8, stamp_tolerance=0.01)
    frame = a_frame(10**9)
    buffer.append(frame)
    seen = weakref.ref(frame)
    track = Track(
        "box",
        buffer,
        finder=finder,
        timeout_s=timeout_s,
        lost_after_s=9.0,
        on_step=lambda _: None,
    )
    track.start(frame, Region(object_id="box", box=(20, 20, 20, 20)))
    buffer.append(a_frame(2 * 10**9, side))
    assert isinstance(track.ended.result(timeout=10.0), reason)
    watched = weakref.ref(track)
    del frame, track
    until = time.monotonic() + 60.0  # for its thread to end
    while (seen() or watched()) and time.monotonic() < until:
        time.sleep(0.01)
    assert (seen(), watched()) == (None, None)

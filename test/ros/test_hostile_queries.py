"""Any message as a query: an inquiry that can be answered, or a typed error that says why not."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from fuzzing import fuzz
from hostile_messages import queries
from rclpy.serialization import deserialize_message, serialize_message

from pixelrefer_ros.engine.describer import Describer
from pixelrefer_ros.errors import NotActiveError, PixelReferError
from pixelrefer_ros.msg import RegionQuery
from pixelrefer_ros.ros.region_finding import RegionFinder
from pixelrefer_ros.ros.region_query import build_error, read_query
from pixelrefer_ros.ros.tracks import Tracks
from pixelrefer_ros.streams.frame import Frame
from pixelrefer_ros.streams.frame_buffer import FrameBuffer
from pixelrefer_ros.streams.image_codec import from_rgb

NOW_NS = 1_700_000_000_000_000_000


@pytest.fixture(scope="module")
def buffers(picture) -> dict[str, FrameBuffer]:
    buffer = FrameBuffer("camera", seconds=10, frames=9, max_bytes=10**8, stamp_tolerance=0.02)
    buffer.append(Frame("camera", NOW_NS, "optical", from_rgb(picture)))
    return {"camera": buffer}


@pytest.fixture(scope="module")
def tracks(settings) -> Iterator[Tracks]:
    """Nothing is watched."""
    finder = RegionFinder.from_settings(settings)
    yield Tracks(finder, settings.max_tracks, settings.track_lost_after)
    finder.thread.close()


@pytest.fixture(scope="module")
def closed(tiny_model) -> Iterator[Describer]:
    """An engine that checks what it is asked and then says that it is closed."""
    describer = Describer(tiny_model)
    describer.close()
    yield describer
    assert describer._memory.taken == 0


@fuzz(2000, query=queries())
def test_any_query(query, settings, buffers, tracks, closed):
    received = deserialize_message(serialize_message(query), RegionQuery)
    try:
        inquiry = read_query(received, buffers, tracks, settings, NOW_NS)
        closed.submit(inquiry.query, deadline=time.monotonic() + inquiry.timeout_s)
    except NotActiveError:
        return  # every check was passed
    except PixelReferError as error:
        result = build_error(error)
        assert 10 < len(result.error_msg) < 1000
        assert result.error_msg.isprintable()
        serialize_message(result)

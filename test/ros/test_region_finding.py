"""What has to be looked for before the model can be asked."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from pixelrefer_ros.engine.query import Query
from pixelrefer_ros.regions.propagation import make_propagator
from pixelrefer_ros.regions.reference import Region
from pixelrefer_ros.regions.segmentation import make_segmenter
from pixelrefer_ros.ros.inquiry import Inquiry
from pixelrefer_ros.ros.region_finding import RegionFinder
from pixelrefer_ros.ros.region_thread import RegionThread
from pixelrefer_ros.streams.frame import Frame
from pixelrefer_ros.streams.frame_buffer import FrameBuffer
from pixelrefer_ros.streams.image_codec import from_rgb

BOX = Region(box=(2, 2, 9, 9))
POLYGON = Region(polygon=[(2.0, 2.0), (12.0, 2.0), (2.0, 9.0)])
MASK = Region(mask=np.ones((20, 30), bool))


@pytest.fixture(params=["none", "grabcut"])
def finder(request):
    thread = RegionThread(4)
    yield RegionFinder(make_segmenter(request.param), make_propagator("none"), thread)
    thread.close()


def inquiry(*regions: Region, follow: bool = False) -> Inquiry:
    frame = Frame("front", 1, "camera", from_rgb(np.zeros((20, 30, 3), np.uint8)))
    buffer = FrameBuffer("front", seconds=9, frames=9, max_bytes=10**6, stamp_tolerance=0.0)
    query = Query(frames=[frame], regions=regions)
    return Inquiry(buffer, (frame,), query, timeout_s=9.0, return_masks=False, follow=follow)


def test_only_masks_and_boxes_as_they_are_need_no_work(finder):
    boxes_are_masks = "AsGiven" in type(finder.segmenter).__name__
    assert not finder.has_work(inquiry(MASK))
    assert finder.has_work(inquiry(MASK, follow=True))
    assert finder.has_work(inquiry(MASK, BOX)) != boxes_are_masks


def test_polygons_are_filled_in_the_thread_once(finder):
    """A hostile one takes seconds, in which frames must not wait."""
    asked = inquiry(MASK, POLYGON)
    assert finder.has_work(asked)
    found = finder.find(asked, timeout_s=20.0).result(20.0)
    mask, polygon = found.query.regions
    assert polygon.polygon is None
    assert np.array_equal(polygon.mask, POLYGON.to_mask(20, 30))
    assert np.array_equal(mask.mask, MASK.mask)
    assert not finder.has_work(found)


def test_waiting_for_the_thread_is_told_apart_from_finding(finder):
    go_on = threading.Event()
    finder.thread.submit(lambda _: go_on.wait(60))
    found = finder.find(inquiry(POLYGON), timeout_s=60.0)
    time.sleep(0.2)
    go_on.set()
    result = found.result(60.0)
    assert result.waiting_s >= 0.15
    assert result.finding_s > 0.0

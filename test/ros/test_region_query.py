"""Results of calls that were withdrawn."""

from __future__ import annotations

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

from pixelrefer_ros.engine.query import Query
from pixelrefer_ros.msg import RegionResult
from pixelrefer_ros.regions.reference import Region
from pixelrefer_ros.ros.call import Call
from pixelrefer_ros.ros.inquiry import Inquiry
from pixelrefer_ros.ros.region_query import build_withdrawn
from pixelrefer_ros.streams.frame import Frame
from pixelrefer_ros.streams.frame_buffer import FrameBuffer
from pixelrefer_ros.streams.image_codec import RawImage


@pytest.mark.parametrize("region", [Region(points=[(1.0, 1.0)]), Region(box=(0, 0, 90, 1))])
def test_withdrawn_before_its_objects_were_found(region):
    buffer = FrameBuffer("front", seconds=1.0, frames=9, max_bytes=10**6, stamp_tolerance=0.0)
    frame = Frame("front", 1, "optical", RawImage(2, 4, "mono8", False, 4, bytes(8)))
    query = Query(frames=[frame], regions=[region], prompt="What is it?")
    inquiry = Inquiry(buffer, (frame,), query, timeout_s=1.0, return_masks=False)
    call = Call("planner")
    call.withdraw("the client canceled the request")
    result = build_withdrawn(inquiry, call)
    assert result.error_code == RegionResult.CANCELED
    assert result.error_msg == "the client canceled the request"
    assert (list(result.answers), list(result.regions)) == ([], [])

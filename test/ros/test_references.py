"""What planners point with becomes a message."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

from builtin_interfaces.msg import Time

from pixelrefer_ros.errors import InvalidRegionError
from pixelrefer_ros.ros.references import (
    box_reference,
    mask_reference,
    object_reference,
    point_reference,
    polygon_reference,
)

STAMP = Time(sec=5)


def test_each_way_to_point_fills_its_own_fields():
    box = box_reference(1, 2, 3, 4, stamp=STAMP, object_id="cup")
    assert (box.roi.x_offset, box.roi.y_offset, box.roi.width, box.roi.height) == (1, 2, 3, 4)
    assert (box.header.stamp, box.object_id) == (STAMP, "cup")
    points = point_reference([(1, 2.5)], box=(0, 0, 9, 9))
    assert [(point.x, point.y) for point in points.points] == [(1.0, 2.5)]
    assert (points.roi.width, points.header.stamp) == (9, Time())
    corners = polygon_reference([(0, 0), (4, 0), (4, 4)]).polygon.points
    assert [(point.x, point.y) for point in corners] == [(0, 0), (4, 0), (4, 4)]
    mask = mask_reference(np.array([[0, 2, 0], [0, 0, 1]])).mask
    assert (mask.height, mask.width, mask.step, mask.encoding) == (2, 3, 3, "mono8")
    assert bytes(mask.data) == bytes([0, 255, 0, 0, 0, 255])
    assert object_reference("cup", stamp=STAMP).object_id == "cup"


@pytest.mark.parametrize("box", [(-1, 0, 5, 5), (0, 0, 2**32, 5)])
def test_a_box_no_message_can_hold_is_refused(box):
    with pytest.raises(InvalidRegionError, match=f"box is {box[0]},{box[1]},{box[2]}"):
        box_reference(*box)

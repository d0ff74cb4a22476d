"""What is said with a question stands in its message."""

from __future__ import annotations

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

from builtin_interfaces.msg import Duration

from pixelrefer_ros.msg import RegionQuery
from pixelrefer_ros.ros.client import DescribeRegionClient
from pixelrefer_ros.ros.query_options import QueryOptions, build_query
from pixelrefer_ros.ros.references import box_reference

BOX = box_reference(1, 2, 3, 4)


def test_every_option_is_said():
    options = QueryOptions(
        camera="front", num_frames=3, history_s=1.5, max_frame_age_s=0.5, timeout_s=2.0,
        max_new_tokens=7, return_masks=True,
    )  # fmt: skip
    assert set(options) == set(QueryOptions.__annotations__)
    assert build_query([BOX, BOX], "What?", **options) == RegionQuery(
        camera="front",
        prompt="What?",
        regions=[BOX, BOX],
        num_frames=3,
        history=Duration(sec=1, nanosec=500_000_000),
        max_frame_age=Duration(nanosec=500_000_000),
        timeout=Duration(sec=2),
        max_new_tokens=7,
        return_masks=True,
    )


def test_nothing_needs_to_be_said():
    assert build_query(BOX) == RegionQuery(regions=[BOX], timeout=Duration(sec=30))


@pytest.mark.parametrize("timeout_s", [0, -1.0])
def test_no_time_at_all_is_refused(timeout_s):
    with pytest.raises(ValueError, match=f"timeout_s is {timeout_s}, must be above 0"):
        build_query(BOX, timeout_s=timeout_s)


def test_a_misspelt_option_is_refused():
    with DescribeRegionClient("/nobody") as client:
        for ask in (client.describe, client.describe_streaming):
            with pytest.raises(TypeError, match="timout_s"):
                ask(BOX, timout_s=3.0)

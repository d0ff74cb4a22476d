"""All checks that need ROS, in the order of the report."""

from __future__ import annotations

from collections.abc import Sequence

from pixelrefer_ros.doctor.checks import Check
from pixelrefer_ros.ros.doctor.camera_topics import check_camera_topics
from pixelrefer_ros.ros.doctor.image_link import check_image_link
from pixelrefer_ros.ros.doctor.middleware import check_middleware


def ros_checks(topics: Sequence[str]) -> list[Check]:
    """Return the checks; `topics` must carry images."""
    return [check_middleware, check_image_link, lambda: check_camera_topics(topics)]

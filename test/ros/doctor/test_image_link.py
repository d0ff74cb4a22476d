"""Images between two real processes, and what is made of those that get lost."""

from __future__ import annotations

import os

import pytest
from rclpy.utilities import get_rmw_implementation_identifier

from pixelrefer_ros.doctor.finding import Level
from pixelrefer_ros.ros.doctor.image_link import Passage, check_image_link, judge
from pixelrefer_ros.ros.doctor.image_link_end import COUNT, SIZES


@pytest.mark.skipif(get_rmw_implementation_identifier() != "rmw_fastrtps_cpp", reason="of Fast DDS")
def test_without_the_profile_large_images_get_lost_and_it_is_named():
    variables = {k: v for k, v in os.environ.items() if not k.endswith("_PROFILES_FILE")}
    findings = list(check_image_link(variables))
    assert [finding.what for finding in findings] == [
        f"{s} images between processes" for s in SIZES
    ]
    large = findings[-1]
    assert large.level in (Level.WARN, Level.ERROR)
    assert f"of {COUNT} arrived at 30 Hz" in large.found
    assert "the Fast DDS profile is missing: with it, " in large.cure
    assert "config/fastdds.xml" in large.cure


def test_processes_that_do_not_find_each_other_are_told():
    [finding] = check_image_link({**os.environ, "ROS_AUTOMATIC_DISCOVERY_RANGE": "OFF"})
    assert finding.level is Level.ERROR
    assert "do not find each other" in finding.found


@pytest.mark.parametrize(
    ("received", "cured", "level", "cure"),
    [
        (45, None, Level.OK, ""),
        (43, None, Level.OK, ""),
        (30, None, Level.WARN, "what keeps the computer busy"),
        (30, 20, Level.WARN, "what keeps the computer busy"),
        (30, 45, Level.WARN, "with it, 45 of 45 arrived"),
        (3, 45, Level.ERROR, "FASTRTPS_DEFAULT_PROFILES_FILE=/profile.xml"),
        (0, 0, Level.ERROR, "/dev/shm"),
    ],
)
def test_losses_are_judged(received, cured, level, cure):
    with_profile = None if cured is None else Passage(45, cured, 0.001)
    delay = 0.0015 if received else None
    finding = judge("640x480", Passage(45, received, delay), with_profile, "/profile.xml")
    assert finding.level is level
    assert cure in finding.cure
    assert finding.found.startswith(f"{received} of 45 arrived at 30 Hz")
    assert ("1.5 ms" in finding.found) == bool(received)

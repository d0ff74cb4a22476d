"""Images between two real processes, and what is made of those that get lost."""

from __future__ import annotations

import os

import pytest
from rclpy.utilities import get_rmw_implementation_identifier
from sensor_msgs.msg import Image

from pixelrefer_ros.doctor.finding import Level
from pixelrefer_ros.ros.doctor.image_link import Passage, check_image_link, judge, measure
from pixelrefer_ros.ros.doctor.image_link_end import COUNT, SIZES, Frames


@pytest.mark.skipif(get_rmw_implementation_identifier() != "rmw_fastrtps_cpp", reason="of Fast DDS")
def test_without_the_profile_large_images_get_lost_and_it_is_named():
    """Once of three times: on a busy computer they may get lost with it as well."""
    variables = {k: v for k, v in os.environ.items() if not k.endswith("_PROFILES_FILE")}

    def is_named() -> bool:
        findings = list(check_image_link(variables))
        large = findings[-1]
        return (
            [finding.what for finding in findings]
            == [f"{s} images between processes" for s in SIZES]
            and f"of {COUNT} came back at 30 Hz" in large.found
            and large.level in (Level.WARN, Level.ERROR)
            and "the Fast DDS profile is missing: with it, " in large.cure
            and "config/fastdds.xml" in large.cure
        )

    assert any(is_named() for _ in range(3))


def test_processes_that_do_not_find_each_other_are_told():
    [finding] = check_image_link({**os.environ, "ROS_AUTOMATIC_DISCOVERY_RANGE": "OFF"})
    assert finding.level is Level.ERROR
    assert "do not find each other" in finding.found


@pytest.mark.parametrize(
    ("returned", "cured", "level", "cure"),
    [
        (45, None, Level.OK, ""),
        (43, None, Level.OK, ""),
        (30, None, Level.WARN, "what keeps the computer busy"),
        (30, 20, Level.WARN, "what keeps the computer busy"),
        (30, 45, Level.WARN, "with it, 45 of 45 came back"),
        (3, 45, Level.ERROR, "FASTRTPS_DEFAULT_PROFILES_FILE=/profile.xml"),
        (0, 0, Level.ERROR, "/dev/shm"),
    ],
)
def test_losses_are_judged(returned, cured, level, cure):
    with_profile = None if cured is None else Passage(45, 45, cured, 0, 0.001)
    delay = 0.0015 if returned else None
    finding = judge("640x480", Passage(45, 45, returned, 0, delay), with_profile, "/profile.xml")
    assert finding.level is level
    assert cure in finding.cure
    assert finding.found.startswith(f"{returned} of 45 came back at 30 Hz")
    assert (", 45 had arrived" in finding.found) == (returned < 45)
    assert ("1.5 ms there and back" in finding.found) == bool(returned)


def test_damaged_images_are_an_error_however_many_came_whole():
    finding = judge("640x480", Passage(45, 44, 44, 1, 0.001), None, "/profile.xml")
    assert finding.level is Level.ERROR
    assert "1 were damaged" in finding.found
    assert "RMW_IMPLEMENTATION" in finding.cure


def test_images_go_there_and_back():
    """With the profile; on a busy computer all may be lost, twice of three times, none damaged."""

    def some_return() -> bool:
        passages = measure(os.environ)
        assert not any(passage.damaged for passage in passages.values())
        return list(passages) == list(SIZES) and all(
            passage.sent == COUNT
            and passage.sent >= passage.arrived >= passage.returned > 0
            and 0.0 < passage.delay_s < 10.0
            for passage in passages.values()
        )

    assert any(some_return() for _ in range(3))


def test_only_the_picture_that_was_sent_is_whole():
    frames = Frames(12, 16)
    sent = frames.stamped(0)
    assert frames.take(sent)
    assert not frames.take(Image(data=bytes(len(sent.data)))), "zeros"
    assert not frames.take(Image(data=sent.data[:-1])), "half of it"
    torn = Image(data=sent.data[:-3] + frames.stamped(1).data[-3:])
    assert not frames.take(torn), "the end is that of the next one"
    assert (len(frames.delays), frames.damaged) == (1, 3)
    assert frames.delays[0] >= 0.0

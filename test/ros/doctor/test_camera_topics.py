"""Cameras in processes of their own, seen by the check."""

from __future__ import annotations

import re

import pytest

from pixelrefer_ros.doctor.finding import Finding, Level
from pixelrefer_ros.ros.doctor.camera_topics import check_camera_topics


@pytest.fixture(scope="module")
def cameras(module_processes):
    module_processes.camera("--topic", "/seen", "--reliable")
    module_processes.camera("--topic", "/packed", "--compressed")
    module_processes.camera("--topic", "/depth", "--encoding", "16UC1")
    for _ in range(10):
        if len(findings := look()) == 3:
            return findings
    raise AssertionError("the cameras do not start")


def look(*wanted: str) -> dict[str, Finding]:
    return {finding.what: finding for finding in check_camera_topics(wanted)}


def test_all_that_can_be_seen(cameras):
    assert set(cameras) == {"/seen", "/packed", "/depth"}
    seen = cameras["/seen"]
    assert seen.level is Level.OK
    assert re.fullmatch(
        r"sensor_msgs/msg/Image, reliable, volatile, [\d.]+ Hz, rgb8, 160 x 120", seen.found
    )
    assert cameras["/packed"].found.startswith("sensor_msgs/msg/CompressedImage, best effort")
    assert cameras["/depth"].level is Level.WARN
    assert "holds depth" in cameras["/depth"].cure


def test_topics_that_must_be_there(cameras):
    findings = look("/seen", "/absent", "/depth", "/rosout")
    assert findings["/seen"].level is Level.OK
    assert (findings["/absent"].level, findings["/absent"].found) == (
        Level.ERROR, "nobody publishes it",
    )  # fmt: skip
    assert "image topics to be seen: /depth, /packed, /seen" in findings["/absent"].cure
    assert findings["/depth"].level is Level.ERROR
    assert findings["/rosout"].found == "carries rcl_interfaces/msg/Log, no images"

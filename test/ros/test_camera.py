"""Cameras as they come: best effort, reliable, compressed, large, silent."""

from __future__ import annotations

import time

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from diagnostics import Diagnostics

from pixelrefer_ros.ros.conversions import to_nanoseconds


def start(processes, **parameters):
    return processes.node(cameras__camera__topic="/camera/image_raw", **parameters).start()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--size", "640x480"],
        ["--size", "640x480", "--reliable"],
        ["--size", "1920x1080"],
        ["--size", "640x480", "--compressed"],
    ],
)
def test_all_frames_of_a_30_hz_camera_arrive(processes, arguments):
    transport = "compressed" if "--compressed" in arguments else "raw"
    node = start(processes, cameras__camera__transport=transport, buffer__megabytes=2000)
    camera = processes.camera(*arguments)
    frames = node.wait_for_frames(90)
    camera.stop()
    node.stop()
    stamps = np.array([to_nanoseconds(header.stamp) for header in frames]) / 1e9
    sent_meanwhile = (stamps[-1] - stamps[0]) * 30 + 1
    assert len(stamps) >= 0.95 * sent_meanwhile


@pytest.mark.parametrize("simulated", [False, True])
def test_a_silent_camera_is_reported_with_the_cure(processes, simulated):
    """Also where simulated time stands still."""
    node = start(processes, use_sim_time=simulated)
    deadline = time.monotonic() + 15
    while "nobody publishes it" not in node.log() and time.monotonic() < deadline:
        time.sleep(0.2)
    assert "camera 'camera': no frame on /camera/image_raw" in node.log()
    assert "cameras.camera.topic" in node.log()
    node.stop()


def test_a_camera_of_another_type_is_reported_with_the_cure(processes):
    camera = processes.camera("--compressed")
    node = start(processes)
    deadline = time.monotonic() + 15
    while "transport to match" not in node.log() and time.monotonic() < deadline:
        time.sleep(0.2)
    assert "sensor_msgs/msg/CompressedImage" in node.log()
    camera.stop()
    node.stop()


def test_a_camera_that_restarts_with_other_reliability_is_followed(processes):
    node = start(processes)
    for arguments in (["--reliable"], [], ["--reliable", "--size", "320x240"]):
        camera = processes.camera(*arguments)
        known = {to_nanoseconds(header.stamp) for header in node.client.list_frames()}
        deadline = time.monotonic() + 15
        new: set[int] = set()
        while len(new) < 20 and time.monotonic() < deadline:
            time.sleep(0.1)
            new = {to_nanoseconds(h.stamp) for h in node.client.list_frames()} - known
        camera.stop()
        assert len(new) >= 20
    node.stop()


def test_a_clock_that_stands_still_is_told(processes):
    processes.camera()
    node = processes.node(use_sim_time=True).start()
    node.wait_for_frames(2)
    with Diagnostics() as listener:
        status = listener.wait("camera camera", lambda s: s.level == DiagnosticStatus.WARN)
    assert "nothing came on /clock" in status.message

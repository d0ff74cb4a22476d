"""Cameras as they come: best effort, reliable, compressed, large, silent."""

from __future__ import annotations

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from diagnostics import Diagnostics
from polling import wait_until


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
    node = start(processes, cameras__camera__transport=transport, buffer__megabytes=1000)
    camera = processes.camera(*arguments)

    def all_of_three_seconds() -> bool:
        stamps = np.array(node.stamps_ns()[-90:]) / 1e9
        return len(stamps) == 90 and 0.95 * (np.ptp(stamps) * 30 + 1) <= 90

    wait_until(all_of_three_seconds, timeout_s=180.0)
    camera.stop()
    node.stop()


@pytest.mark.parametrize("simulated", [False, True])
def test_a_silent_camera_is_reported_with_the_cure(processes, simulated):
    """Also where simulated time stands still."""
    node = start(processes, use_sim_time=simulated)
    wait_until(lambda: "nobody publishes it" in node.log())
    assert "camera 'camera': no frame on /camera/image_raw" in node.log()
    assert "cameras.camera.topic" in node.log()
    node.stop()


def test_a_camera_of_another_type_is_reported_with_the_cure(processes):
    camera = processes.camera("--compressed")
    node = start(processes)
    wait_until(lambda: "transport to match" in node.log())
    assert "sensor_msgs/msg/CompressedImage" in node.log()
    camera.stop()
    node.stop()


def test_a_camera_that_restarts_with_other_reliability_is_followed(processes):
    node = start(processes)
    for arguments in (["--reliable"], [], ["--reliable", "--size", "320x240"]):
        camera = processes.camera(*arguments)
        known = {*node.stamps_ns()}
        wait_until(lambda known=known: len({*node.stamps_ns()} - known) >= 20)
        camera.stop()
    node.stop()


def test_a_clock_that_stands_still_is_told(processes):
    processes.camera()
    node = processes.node(use_sim_time=True).start()
    node.wait_for_frames(2)
    with Diagnostics() as listener:
        status = listener.wait(
            "camera camera", lambda s: "nothing came on /clock" in s.message, timeout_s=60.0
        )
    assert status.level == DiagnosticStatus.WARN

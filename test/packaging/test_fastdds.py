"""The Fast DDS profile loads, and with it large images get from one process to another."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

PROFILE = Path(__file__).resolve().parents[2] / "config" / "fastdds.xml"
STREAM = Path(__file__).with_name("image_stream.py")
COUNT = 40


def start(profile: Path, *command: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *command],
        env={
            **os.environ,
            "FASTRTPS_DEFAULT_PROFILES_FILE": str(profile),
            "RMW_IMPLEMENTATION": "rmw_fastrtps_cpp",
            "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
            "ROS_DOMAIN_ID": str(1 + os.getpid() % 100),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_profile_is_accepted(tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.xml"
    damaged.write_text(PROFILE.read_text(encoding="utf-8").replace("SHM", "smoke signals"))
    program = "import rclpy; rclpy.init(); rclpy.create_node('profile_test')"
    outputs = [
        "".join(start(profile, "-c", program).communicate(timeout=60))
        for profile in (PROFILE, damaged)
    ]
    assert "XMLPARSER" not in outputs[0]
    assert "XMLPARSER" in outputs[1]


def test_most_1080p_images_arrive() -> None:
    # Without the profile, at most one in four does.
    receiver = start(PROFILE, str(STREAM), "receive", str(COUNT))
    publisher = start(PROFILE, str(STREAM), "publish", str(COUNT))
    sent, received = (int(process.communicate(timeout=60)[0]) for process in (publisher, receiver))
    assert sent == COUNT
    assert received > COUNT // 2

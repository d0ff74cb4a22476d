"""The Fast DDS profile loads, and with it large images get from one process to another."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from two_computers import TwoComputers, two_computers

pytest.importorskip("rclpy", reason="needs ROS 2")

PROFILE = Path(__file__).resolve().parents[2] / "config" / "fastdds.xml"
STREAM = Path(__file__).with_name("image_stream.py")
COUNT = 100


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
        "".join(start(profile, "-c", program).communicate(timeout=300))
        for profile in (PROFILE, damaged)
    ]
    assert "XMLPARSER" not in outputs[0]
    assert "XMLPARSER" in outputs[1]


def stream(of_publisher: Path, of_receiver: Path, count: int) -> tuple[int, int]:
    """Return how many images arrived, and how many were sent from the first of them to the last."""
    publisher = start(of_publisher, str(STREAM), "publish")
    try:
        receiver = start(of_receiver, str(STREAM), "receive", str(count))
        received, sent = map(int, receiver.communicate(timeout=120)[0].split())
    finally:
        publisher.terminate()
        publisher.communicate(timeout=300)
    return received, sent


def test_most_1080p_images_arrive() -> None:
    # Without the profile, at most one in four does.
    received, sent = stream(PROFILE, PROFILE, COUNT)
    assert received == COUNT
    assert received > sent / 2


@pytest.fixture
def computers() -> Iterator[TwoComputers]:
    try:
        with two_computers() as computers:
            yield computers
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"needs the right to make network namespaces: {error}")


TALK = """
import time, rclpy
from std_msgs.msg import Header
rclpy.init()
publisher = rclpy.create_node("talker").create_publisher(Header, "/hello", 1)
for _ in range(30):
    publisher.publish(Header())
    time.sleep(0.1)
"""


def test_no_packet_leaves_the_computer_unless_the_line_is_deleted(
    computers: TwoComputers, tmp_path: Path
) -> None:
    lines = PROFILE.read_text(encoding="utf-8").splitlines(keepends=True)
    opened = tmp_path / "opened.xml"
    kept = [line for line in lines if "<interfaceWhiteList>" not in line]
    assert len(kept) == len(lines) - 1
    opened.write_text("".join(kept), encoding="utf-8")
    heard = {}
    for profile in (PROFILE, opened):
        environment = {
            "FASTRTPS_DEFAULT_PROFILES_FILE": str(profile),
            "ROS_AUTOMATIC_DISCOVERY_RANGE": "SUBNET",
            "ROS_DOMAIN_ID": str(1 + os.getpid() % 100),
        }
        heard[profile] = computers.count_packets(TALK, environment, seconds=8.0)
    assert heard[PROFILE] == 0
    assert heard[opened] > 0


def test_a_process_without_the_profile_is_heard_on_the_same_computer(tmp_path: Path) -> None:
    default = tmp_path / "default.xml"
    default.write_text('<dds xmlns="http://www.eprosima.com/XMLSchemas/fastRTPS_Profiles"/>')
    received, _ = stream(PROFILE, default, 3)
    assert received == 3

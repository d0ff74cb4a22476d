"""One end of a stream of images between two processes; `image_link.py` starts both.

python -m pixelrefer_ros.ros.doctor.image_link_end send|receive TOPIC

Both end, and print what they sent or received as JSON, when all is sent or standard input closes.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from functools import partial

import rclpy
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import Image

from pixelrefer_ros.ros.conversions import to_nanoseconds, to_time

SIZES = {"640x480": (480, 640), "1920x1080": (1080, 1920)}
RATE_HZ = 30.0
COUNT = 45
"""Frames of each size."""

DISCOVERY_S = 10.0
LAST_FRAMES_S = 0.5


def send(node: Node, topic: str, stop: threading.Event) -> dict[str, int]:
    """Publish frames of each size, best effort as camera drivers do; return how many."""
    publishers = {
        size: node.create_publisher(Image, f"{topic}_{size}", qos_profile_sensor_data)
        for size in SIZES
    }
    deadline = time.monotonic() + DISCOVERY_S
    while not all(publisher.get_subscription_count() for publisher in publishers.values()):
        if stop.wait(0.05) or time.monotonic() > deadline:
            return {}
    sent = {}
    for size, (height, width) in SIZES.items():
        image = Image(height=height, width=width, encoding="rgb8", step=3 * width)
        image.data = bytes(3 * height * width)
        begin = time.monotonic()
        for number in range(COUNT):
            image.header.stamp = to_time(time.monotonic_ns())
            publishers[size].publish(image)
            stop.wait(max(0.0, begin + (number + 1) / RATE_HZ - time.monotonic()))
        stop.wait(LAST_FRAMES_S)
        sent[size] = COUNT
    return sent


def receive(node: Node, topic: str, stop: threading.Event) -> dict[str, list[float]]:
    """Return the delay of each frame that came, seconds from `publish` to the callback."""
    delays: dict[str, list[float]] = {size: [] for size in SIZES}

    def note(size: str, image: Image) -> None:
        delays[size].append((time.monotonic_ns() - to_nanoseconds(image.header.stamp)) / 1e9)

    for size in SIZES:
        node.create_subscription(
            Image, f"{topic}_{size}", partial(note, size), qos_profile_sensor_data
        )
    while not stop.is_set():
        rclpy.spin_once(node, timeout_sec=0.1)
    return delays


def _wait_for_the_end(stop: threading.Event) -> None:
    """Set `stop` when standard input closes: whoever started this says so, or has died."""
    sys.stdin.read()
    stop.set()


def main(role: str, topic: str) -> None:
    """Run an end until it is done."""
    stop = threading.Event()
    threading.Thread(target=_wait_for_the_end, args=(stop,), daemon=True).start()
    rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
    node = rclpy.create_node(f"pixelrefer_doctor_{role}", start_parameter_services=False)
    print(json.dumps((send if role == "send" else receive)(node, topic, stop)), flush=True)
    node.destroy_node()
    rclpy.shutdown()


if __name__ == "__main__":
    main(*sys.argv[1:])

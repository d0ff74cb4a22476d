"""One end of a stream of images that go to another process and back; `image_link.py` starts both.

python -m pixelrefer_ros.ros.doctor.image_link_end send|return TOPIC

Both end, and print what came to them as JSON, when all is sent or standard input closes.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from array import array
from collections.abc import Callable
from functools import partial

import numpy as np
import rclpy
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import qos_profile_sensor_data
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import Image

from pixelrefer_ros.ros.conversions import to_nanoseconds, to_time
from pixelrefer_ros.ros.pattern_camera import pattern

SIZES = {"640x480": (480, 640), "1920x1080": (1080, 1920)}
RATE_HZ = 30.0
COUNT = 45
"""Frames of each size."""

DISCOVERY_S = 30.0
SETTLING_S = 0.5
"""A subscriber is seen before it has seen the publisher and drops what comes until then."""
LAST_FRAMES_S = 0.5


class Frames:
    """The frames of one size: a pattern, and the same brighter by one, in turns.

    delays: seconds from `publish` until each that was whole came. damaged: how many were not.
    """

    def __init__(self, height: int, width: int) -> None:
        self.delays: list[float] = []
        self.damaged = 0
        self._pattern = pattern(height, width).reshape(-1)
        self._images = []
        for brightness in range(2):
            image = Image(height=height, width=width, encoding="rgb8", step=3 * width)
            image.data = array("B", (self._pattern + np.uint8(brightness)).tobytes())
            self._images.append(image)

    def stamped(self, number: int) -> Image:
        """Return a frame with a stamp of now."""
        image = self._images[number % len(self._images)]
        image.header.stamp = to_time(time.monotonic_ns())
        return image

    def take(self, image: Image) -> bool:
        """Note that a frame came and tell whether it is whole, equally bright everywhere."""
        delay_s = (time.monotonic_ns() - to_nanoseconds(image.header.stamp)) / 1e9
        pixels = np.frombuffer(image.data, np.uint8)
        same_size = pixels.shape == self._pattern.shape
        if not same_size or np.ptp(pixels - self._pattern):
            self.damaged += 1
            return False
        self.delays.append(delay_s)
        return True

    def to_dict(self) -> dict[str, object]:
        """Return what came."""
        return {"delays": self.delays, "damaged": self.damaged}


def send(node: Node, topic: str, stop: threading.Event) -> dict[str, Frames]:
    """Publish frames of each size, best effort as camera drivers do; return what came back.

    Nothing, when the other end cannot be seen.
    """
    frames = {size: Frames(*pixels) for size, pixels in SIZES.items()}
    publishers = {size: _publish(node, f"{topic}_{size}") for size in SIZES}
    returns = {size: f"{topic}_{size}_back" for size in SIZES}
    for size, name in returns.items():
        _subscribe(node, name, frames[size].take)
    deadline = time.monotonic() + DISCOVERY_S
    while not (
        all(publisher.get_subscription_count() for publisher in publishers.values())
        and all(node.count_publishers(name) for name in returns.values())
    ):
        if stop.wait(0.05) or time.monotonic() > deadline:
            return {}
    stop.wait(SETTLING_S)
    for size, publisher in publishers.items():
        begin = time.monotonic()
        for number in range(COUNT):
            publisher.publish(frames[size].stamped(number))
            _spin_until(node, begin + (number + 1) / RATE_HZ, stop)
        _spin_until(node, time.monotonic() + LAST_FRAMES_S, stop)
    return frames


def send_back(node: Node, topic: str, stop: threading.Event) -> dict[str, Frames]:
    """Publish again what comes whole; return what came."""
    frames = {size: Frames(*pixels) for size, pixels in SIZES.items()}
    publishers = {size: _publish(node, f"{topic}_{size}_back") for size in SIZES}

    def send_again(size: str, image: Image) -> None:
        if frames[size].take(image):
            publishers[size].publish(image)

    for size in SIZES:
        _subscribe(node, f"{topic}_{size}", partial(send_again, size))
    while not stop.is_set():
        rclpy.spin_once(node, timeout_sec=0.1)
    return frames


def _publish(node: Node, topic: str) -> Publisher:
    return node.create_publisher(Image, topic, qos_profile_sensor_data)


def _subscribe(node: Node, topic: str, hear: Callable[[Image], object]) -> None:
    node.create_subscription(Image, topic, hear, qos_profile_sensor_data)


def _spin_until(node: Node, moment: float, stop: threading.Event) -> None:
    """Take what comes until then, and one even when it is later already."""
    left = 0.0
    while not stop.is_set() and left >= 0:
        left = moment - time.monotonic()
        rclpy.spin_once(node, timeout_sec=max(0.0, left))


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
    frames = (send if role == "send" else send_back)(node, topic, stop)
    print(json.dumps({size: came.to_dict() for size, came in frames.items()}), flush=True)
    node.destroy_node()
    rclpy.shutdown()


if __name__ == "__main__":
    main(*sys.argv[1:])

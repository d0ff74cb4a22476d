"""A camera without a camera: publishes a pattern as drivers do, until it is told to stop.

python -m pixelrefer_ros.ros.pattern_camera --topic /camera/image_raw --size 1920x1080 --rate 30
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
import time
from collections.abc import Sequence

import numpy as np
import rclpy
from numpy.typing import NDArray
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import qos_profile_sensor_data
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from pixelrefer_ros.ros.conversions import to_image_message, to_time
from pixelrefer_ros.streams.image_codec import from_rgb

POLL_S = 0.05
SETTLING_S = 1.0
"""A subscriber is seen before it has seen the publisher and drops what comes until then; and what
it has not read when the publisher leaves is lost."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Wait for a subscriber, publish until SIGTERM, print how many frames went out."""
    parser = argparse.ArgumentParser(prog="pattern_camera", description=__doc__)
    parser.add_argument("--topic", default="/camera/image_raw")
    parser.add_argument("--size", default="640x480", help="width x height, pixels")
    parser.add_argument("--rate", type=float, default=30.0, help="frames per second")
    given = parser.parse_args(arguments)
    width, height = map(int, given.size.split("x"))
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    node = rclpy.create_node("pattern_camera", start_parameter_services=False)
    publisher = node.create_publisher(Image, given.topic, qos_profile_sensor_data)
    message = to_image_message(from_rgb(pattern(height, width)), Header(frame_id="pattern_camera"))
    while publisher.get_subscription_count() == 0 and not stop.wait(POLL_S):
        pass
    stop.wait(SETTLING_S)
    sent = _publish(node, publisher, message, 1.0 / given.rate, stop)
    time.sleep(SETTLING_S)
    print(sent, flush=True)
    node.destroy_node()
    rclpy.shutdown()
    return 0


def pattern(height: int, width: int) -> NDArray[np.uint8]:
    """Return coloured gradients with a red box, RGB [height, width, 3]."""
    rows, columns = np.mgrid[0:height, 0:width]
    pixels = np.stack([columns % 256, rows % 256, (rows + columns) % 256], -1).astype(np.uint8)
    pixels[height // 4 : height // 2, width // 4 : width // 2] = (200, 30, 30)
    return pixels


def _publish(
    node: Node, publisher: Publisher, message: Image, period_s: float, stop: threading.Event
) -> int:
    """Publish in the rhythm of the clock; a frame that is late is left out, as cameras do."""
    sent, due = 0, time.monotonic()
    while not stop.wait(max(0.0, due - time.monotonic())):
        message.header.stamp = to_time(node.get_clock().now().nanoseconds)
        publisher.publish(message)
        sent += 1
        due += period_s * (1 + max(0.0, time.monotonic() - due) // period_s)
    return sent


if __name__ == "__main__":
    sys.exit(main())

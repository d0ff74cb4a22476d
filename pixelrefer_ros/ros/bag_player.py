"""Play a bag into ROS: `python -m pixelrefer_ros.ros.bag_player BAG --topic T`.

It publishes the messages as they were recorded, byte for byte and in the rhythm they were received
in. It waits for a subscriber first and publishes reliably, so that none is lost.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import rclpy
from rclpy.duration import Duration
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy

from pixelrefer_ros.errors import BagError, PixelReferError
from pixelrefer_ros.streams.bag_choice import choose_topic
from pixelrefer_ros.streams.bag_reader import BagReader

POLL_S = 0.05
BEST_EFFORT_PATIENCE_S = 3.0
"""Time for a best-effort subscriber to see that it can receive reliably and to change over."""
SETTLE_S = 0.3
"""Time for the middleware to connect both ends after they know of each other."""
DELIVERY_S = 10.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m pixelrefer_ros.ros.bag_player",
        description="Publish an image topic of a bag as it was recorded, once.",
        allow_abbrev=False,
    )
    parser.add_argument("bag", help="rosbag2 folder, .mcap or .db3 file")
    parser.add_argument("--topic", default="", help="image topic; default: the first with colours")
    parser.add_argument("--rate", type=float, default=1.0, help="1: as recorded, 2: twice as fast")
    parser.add_argument(
        "--wait", type=float, default=60.0, metavar="S", help="longest wait for a subscriber"
    )
    given = parser.parse_args(arguments)
    if not given.rate > 0.0:
        parser.error(f"--rate is {given.rate}, must be above 0")
    rclpy.init(args=[])
    try:
        count = play(BagReader(given.bag), given.topic, rate=given.rate, wait_s=given.wait)
    except PixelReferError as error:
        print(f"bag_player: {error}", file=sys.stderr)
        return 2
    except (KeyboardInterrupt, ExternalShutdownException):
        return 130
    finally:
        rclpy.try_shutdown()
    print(f"{count} messages published")
    return 0


def play(bag: BagReader, topic: str = "", *, rate: float = 1.0, wait_s: float = 60.0) -> int:
    """Publish an image topic once and return the number of messages.

    `rate` 2 is twice as fast as recorded; `wait_s` limits the wait for a subscriber. Raises
    `BagError` when the topic is missing or nobody subscribes.
    """
    chosen = choose_topic(bag, topic)
    node = rclpy.create_node("bag_player", start_parameter_services=False)
    quality = QoSProfile(
        history=HistoryPolicy.KEEP_LAST, depth=100, reliability=ReliabilityPolicy.RELIABLE
    )
    publisher = node.create_publisher(_message_class(chosen.type), chosen.name, quality)
    _wait_for_subscriber(node, chosen.name, wait_s)
    begin = time.monotonic()
    first_ns: int | None = None
    count = 0
    for message in bag.messages([chosen.name]):
        first_ns = message.receive_ns if first_ns is None else first_ns
        due = begin + (message.receive_ns - first_ns) / 1e9 / rate
        time.sleep(max(0.0, due - time.monotonic()))
        if not rclpy.ok():
            break
        publisher.publish(message.data)
        count += 1
    if rclpy.ok():
        publisher.wait_for_all_acked(Duration(seconds=DELIVERY_S))
        node.destroy_node()
    return count


def _message_class(name: str) -> Any:
    """Import the class of a type like `sensor_msgs/msg/Image`."""
    package, _, message = name.partition("/msg/")
    return getattr(import_module(f"{package}.msg"), message)


def _wait_for_subscriber(node: Node, topic: str, wait_s: float) -> None:
    """Wait until somebody receives reliably, or for a while receives with best effort."""
    deadline = time.monotonic() + wait_s
    seen: float | None = None
    while time.monotonic() < deadline:
        subscriptions = node.get_subscriptions_info_by_topic(topic)
        now = time.monotonic()
        if subscriptions and seen is None:
            seen = now
        reliable = any(
            subscription.qos_profile.reliability == ReliabilityPolicy.RELIABLE
            for subscription in subscriptions
        )
        if reliable or (seen is not None and now - seen > BEST_EFFORT_PATIENCE_S):
            time.sleep(SETTLE_S)
            return
        time.sleep(POLL_S)
    raise BagError(f"nobody subscribed to {topic} within {wait_s:g} s")


if __name__ == "__main__":
    sys.exit(main())

"""Play a bag into ROS: `python -m pixelrefer_ros.ros.bag_player BAG --topic T`.

It publishes the messages as they were recorded, byte for byte and in the rhythm they were received
in. It waits for subscribers first and publishes reliably, so that none is lost; with --best-effort
as most camera drivers do. With --clock the time of reception is published as /clock, and goes on
after the last message until the process is ended.
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
from rclpy.publisher import Publisher
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from rosgraph_msgs.msg import Clock

from pixelrefer_ros.errors import BagError, PixelReferError
from pixelrefer_ros.ros.conversions import to_time
from pixelrefer_ros.streams.bag_choice import choose_topic
from pixelrefer_ros.streams.bag_reader import BagReader
from pixelrefer_ros.streams.stamps import NANOSECONDS

POLL_S = 0.05
BEST_EFFORT_PATIENCE_S = 5.0
"""Time for a best-effort subscriber to see that it can receive reliably and to change over."""
SETTLE_S = 1.0
"""Time for the middleware to connect both ends after they know of each other."""
DELIVERY_S = 10.0
TICK_S = 0.01
"""Period of /clock, in the time of this computer."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m pixelrefer_ros.ros.bag_player",
        description="Publish an image topic of a bag as it was recorded, once.",
        allow_abbrev=False,
    )
    parser.add_argument("bag", help="rosbag2 folder, .mcap or .db3 file")
    parser.add_argument(
        "--topic",
        dest="topics",
        action="append",
        default=[],
        help="image topic, may be given more than once; default: the first with colours",
    )
    parser.add_argument("--rate", type=float, default=1.0, help="1: as recorded, 2: twice as fast")
    parser.add_argument("--clock", action="store_true", help="publish /clock too, until ended")
    parser.add_argument("--best-effort", action="store_true", help="as camera drivers do")
    parser.add_argument(
        "--wait", type=float, default=60.0, metavar="S", help="longest wait for a subscriber"
    )
    given = parser.parse_args(arguments)
    if not given.rate > 0.0:
        parser.error(f"--rate is {given.rate}, must be above 0")
    rclpy.init(args=[])
    try:
        count, bag_time = play(
            BagReader(given.bag),
            given.topics,
            rate=given.rate,
            wait_s=given.wait,
            with_clock=given.clock,
            best_effort=given.best_effort,
        )
        print(f"{count} messages published", flush=True)
        while given.clock and rclpy.ok():
            bag_time.tick()
    except PixelReferError as error:
        print(f"bag_player: {error}", file=sys.stderr)
        return 2
    except (KeyboardInterrupt, ExternalShutdownException):
        return 130
    finally:
        rclpy.try_shutdown()
    return 0


class BagTime:
    """The time of the bag, running at `rate` from `start_ns` on, published as /clock if wanted."""

    def __init__(self, node: Node, start_ns: int, rate: float, *, publish: bool) -> None:
        self._clock = node.create_publisher(Clock, "/clock", 10) if publish else None
        self._start_ns = start_ns
        self._rate = rate
        self._begin: float | None = None

    def tick(self) -> None:
        """Publish what time it is, then sleep until the next tick."""
        self._publish()
        time.sleep(TICK_S)

    def sleep_until(self, moment_ns: int) -> None:
        """Let the time pass; the first call starts it."""
        if self._begin is None:
            self._begin = time.monotonic()
        due = self._begin + (moment_ns - self._start_ns) / NANOSECONDS / self._rate
        while rclpy.ok() and (left := due - time.monotonic()) > 0.0:
            self._publish()
            time.sleep(min(left, TICK_S) if self._clock else left)
        self._publish()

    def _publish(self) -> None:
        if self._clock is not None:
            begin = time.monotonic() if self._begin is None else self._begin
            passed_ns = round((time.monotonic() - begin) * self._rate * NANOSECONDS)
            self._clock.publish(Clock(clock=to_time(self._start_ns + passed_ns)))


def play(
    bag: BagReader,
    topics: Sequence[str] = (),
    *,
    rate: float = 1.0,
    wait_s: float = 60.0,
    with_clock: bool = False,
    best_effort: bool = False,
) -> tuple[int, BagTime]:
    """Publish image topics once; return the number of messages and the time, which runs on.

    `rate` 2 is twice as fast as recorded; `wait_s` limits the wait for a subscriber of each. Raises
    `BagError` when a topic is missing or nobody subscribes.
    """
    chosen = [choose_topic(bag, topic) for topic in topics or ("",)]
    names = [topic.name for topic in chosen]
    node = rclpy.create_node("bag_player", start_parameter_services=False)
    quality = QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=100,
        reliability=ReliabilityPolicy.BEST_EFFORT if best_effort else ReliabilityPolicy.RELIABLE,
    )
    publishers: dict[str, Publisher] = {
        topic.name: node.create_publisher(_message_class(topic.type), topic.name, quality)
        for topic in chosen
    }
    start_ns = next((message.receive_ns for message in bag.messages(names)), 0)
    bag_time = BagTime(node, start_ns, rate, publish=with_clock)
    for name in names:
        _wait_for_subscriber(node, name, wait_s, best_effort=best_effort)
    count = 0
    for message in bag.messages(names):
        bag_time.sleep_until(message.receive_ns)
        if not rclpy.ok():
            break
        publishers[message.topic].publish(message.data)
        count += 1
    if rclpy.ok():
        for publisher in publishers.values():
            publisher.wait_for_all_acked(Duration(seconds=DELIVERY_S))
        time.sleep(SETTLE_S)  # who receives with best effort acknowledges nothing
    return count, bag_time


def _message_class(name: str) -> Any:
    """Import the class of a type like `sensor_msgs/msg/Image`."""
    package, _, message = name.partition("/msg/")
    return getattr(import_module(f"{package}.msg"), message)


def _wait_for_subscriber(node: Node, topic: str, wait_s: float, *, best_effort: bool) -> None:
    """Wait until somebody receives as well as can be, or for a while receives with best effort."""
    deadline = time.monotonic() + wait_s
    seen: float | None = None
    while time.monotonic() < deadline:
        subscriptions = node.get_subscriptions_info_by_topic(topic)
        now = time.monotonic()
        if subscriptions and seen is None:
            seen = now
        is_served = any(
            best_effort or subscription.qos_profile.reliability == ReliabilityPolicy.RELIABLE
            for subscription in subscriptions
        )
        if is_served or (seen is not None and now - seen > BEST_EFFORT_PATIENCE_S):
            time.sleep(SETTLE_S)
            return
        time.sleep(POLL_S)
    raise BagError(f"nobody subscribed to {topic} within {wait_s:g} s")


if __name__ == "__main__":
    sys.exit(main())

"""What time it is in the bag that is being played: /clock, heard by a client's node."""

from __future__ import annotations

from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rosgraph_msgs.msg import Clock

from pixelrefer_ros.ros.conversions import to_nanoseconds


class BagClock:
    """Listens to /clock on a node that somebody spins; `now_ns` is 0 before the first message."""

    def __init__(self, node: Node) -> None:
        self.now_ns = 0
        quality = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
        node.create_subscription(Clock, "/clock", self._on_clock, quality)

    def _on_clock(self, message: Clock) -> None:
        self.now_ns = to_nanoseconds(message.clock)

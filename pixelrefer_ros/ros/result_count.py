"""How many results a node has published, whoever asked."""

from __future__ import annotations

from rclpy.node import Node

from pixelrefer_ros.msg import RegionResult
from pixelrefer_ros.ros.qos import SERVICE_QOS


class ResultCount:
    """Listens to `~/results` through a node that somebody spins; `heard` is never more than came.

    The node publishes a result each time it has answered, so more of them than requests would mean
    that a request was answered twice.
    """

    def __init__(self, listener: Node, node_name: str = "pixelrefer") -> None:
        self.heard = 0
        listener.create_subscription(RegionResult, f"/{node_name}/results", self._hear, SERVICE_QOS)

    def _hear(self, _: RegionResult) -> None:
        self.heard += 1

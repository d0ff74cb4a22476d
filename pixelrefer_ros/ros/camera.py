"""One camera: its subscription, its buffer, and a warning with the cure when it is silent."""

from __future__ import annotations

import time
from collections.abc import Callable

from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.subscription import Subscription
from rclpy.topic_endpoint_info import TopicEndpointInfo
from sensor_msgs.msg import CompressedImage, Image

from pixelrefer_ros.ros.conversions import to_frame
from pixelrefer_ros.ros.parameters import CameraSettings
from pixelrefer_ros.streams.frame_buffer import FrameBuffer

SILENCE_S = 2.0
"""A camera without a frame for so long is reported."""

WARNING_PERIOD_S = 10.0

DEPTH = 30
"""Frames the middleware keeps while the node is busy elsewhere: a second at 30 Hz."""


class Camera:
    """Subscribes to an image topic and appends each frame to a buffer, undecoded.

    Reliability follows the publisher: a camera that sends reliably is received reliably, any other
    with best effort, which is compatible with both. Call `watch` about once a second.
    """

    def __init__(self, node: Node, settings: CameraSettings, buffer: FrameBuffer) -> None:
        self.settings = settings
        self.buffer = buffer
        self._node = node
        self._message_type = CompressedImage if settings.transport == "compressed" else Image
        self._group = MutuallyExclusiveCallbackGroup()
        self._last_arrival = time.monotonic()
        self._last_warning = float("-inf")
        self._reliability = ReliabilityPolicy.BEST_EFFORT
        self._subscription = self._subscribe()

    def watch(self) -> None:
        """Follow the publisher's reliability, and warn when no frames arrive."""
        publishers = self._node.get_publishers_info_by_topic(self._subscription.topic_name)
        reliable = bool(publishers) and all(
            publisher.qos_profile.reliability == ReliabilityPolicy.RELIABLE
            for publisher in publishers
        )
        wanted = ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT
        if wanted != self._reliability:
            self._reliability = wanted
            self._node.destroy_subscription(self._subscription)
            self._subscription = self._subscribe()
        now = time.monotonic()
        silence = now - self._last_arrival
        if silence >= SILENCE_S and now - self._last_warning >= WARNING_PERIOD_S:
            self._last_warning = now
            self._node.get_logger().warning(self._why_silent(silence, publishers))

    def close(self) -> None:
        """Stop receiving."""
        self._node.destroy_subscription(self._subscription)

    def _subscribe(self) -> Subscription:
        qos = QoSProfile(
            history=HistoryPolicy.KEEP_LAST,
            depth=DEPTH,
            reliability=self._reliability,
            durability=DurabilityPolicy.VOLATILE,
        )
        return self._node.create_subscription(
            self._message_type, self.settings.topic, self._on_image, qos, callback_group=self._group
        )

    def _on_image(self, message: Image | CompressedImage) -> None:
        self._last_arrival = time.monotonic()
        try:
            self.buffer.append(to_frame(message, self.settings.name))
        except Exception as error:
            self._node.get_logger().error(
                f"camera '{self.settings.name}': frame not kept: {error}",
                throttle_duration_sec=WARNING_PERIOD_S,
            )

    def _why_silent(self, silence: float, publishers: list[TopicEndpointInfo]) -> str:
        topic = self._subscription.topic_name
        start = f"camera '{self.settings.name}': no frame on {topic} for {silence:.0f} s: "
        if not publishers:
            return start + (
                f"nobody publishes it. Start the camera, or set cameras.{self.settings.name}.topic "
                "(`ros2 topic list`)"
            )
        expected = self._type_name(self._message_type)
        other = {p.topic_type for p in publishers} - {expected}
        if other:
            return start + (
                f"it carries {', '.join(sorted(other))}, expected {expected}. "
                f"Set cameras.{self.settings.name}.transport to match"
            )
        return start + (
            f"{len(publishers)} publisher(s) known. Fast DDS by default loses large best-effort "
            "images: start the camera and this node with FASTRTPS_DEFAULT_PROFILES_FILE set to "
            "config/fastdds.xml of this package"
        )

    @staticmethod
    def _type_name(message_type: Callable[[], object]) -> str:
        return f"sensor_msgs/msg/{message_type.__name__}"

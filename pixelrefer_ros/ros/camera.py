"""One camera: its subscription, its buffer, and a warning with the cure when it is silent."""

from __future__ import annotations

import time

from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.subscription import Subscription
from rclpy.topic_endpoint_info import TopicEndpointInfo
from sensor_msgs.msg import CompressedImage, Image

from pixelrefer_ros.ros.conversions import to_frame, to_nanoseconds
from pixelrefer_ros.ros.parameters import CameraSettings
from pixelrefer_ros.streams.arrivals import Arrivals
from pixelrefer_ros.streams.frame_buffer import FrameBuffer
from pixelrefer_ros.streams.readability import Readability

SILENCE_S = 2.0
"""A camera without a frame for so long is reported."""

WARNING_PERIOD_S = 10.0

QUEUE_DEPTH = 30
"""Frames the middleware keeps while the node is busy elsewhere: a second at 30 Hz."""


class Camera:
    """Subscribes to an image topic and appends each frame to a buffer, undecoded.

    Reliability follows the publisher: a camera that sends reliably is received reliably, any other
    with best effort, which is compatible with both. Call `watch` about once a second.
    """

    def __init__(self, node: Node, settings: CameraSettings, buffer: FrameBuffer) -> None:
        self.settings = settings
        self.buffer = buffer
        self.arrivals = Arrivals()
        self.readability = Readability()
        self.publishers: list[TopicEndpointInfo] = []
        self._node = node
        self._message_type = CompressedImage if settings.transport == "compressed" else Image
        self._group = MutuallyExclusiveCallbackGroup()
        self._last_warning = float("-inf")
        self._reliability = ReliabilityPolicy.BEST_EFFORT
        self._subscription = self._subscribe()

    def watch(self) -> None:
        """Follow the publisher's reliability, and warn when no frames arrive."""
        self.publishers = self._node.get_publishers_info_by_topic(self.topic)
        reliable = bool(self.publishers) and all(
            publisher.qos_profile.reliability == ReliabilityPolicy.RELIABLE
            for publisher in self.publishers
        )
        wanted = ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT
        if wanted != self._reliability:
            self._reliability = wanted
            self._node.destroy_subscription(self._subscription)
            self._subscription = self._subscribe()
        now = time.monotonic()
        silence_s = self.arrivals.silence_s
        if silence_s >= SILENCE_S and now - self._last_warning >= WARNING_PERIOD_S:
            self._last_warning = now
            name = self.settings.name
            self._node.get_logger().warning(f"camera '{name}': {self.why_silent(silence_s)}")

    @property
    def topic(self) -> str:
        """The topic with its namespace, after remapping."""
        return str(self._subscription.topic_name)

    @property
    def qos(self) -> QoSProfile:
        """How the node receives it now."""
        return QoSProfile(
            history=HistoryPolicy.KEEP_LAST,
            depth=QUEUE_DEPTH,
            reliability=self._reliability,
            durability=DurabilityPolicy.VOLATILE,
        )

    def foreign_types(self) -> list[str]:
        """Name the types on the topic other than the one that is expected."""
        return sorted({publisher.topic_type for publisher in self.publishers} - {self._type_name})

    def why_silent(self, silence_s: float) -> str:
        """Say what keeps the frames away, as of the last `watch`, and what to do."""
        start = f"no frame on {self.topic} for {silence_s:.0f} s: "
        name = self.settings.name
        if not self.publishers:
            return start + (
                f"nobody publishes it. Start the camera, or set cameras.{name}.topic "
                "(`ros2 topic list`)"
            )
        if foreign := self.foreign_types():
            return start + (
                f"it carries {', '.join(foreign)}, expected {self._type_name}. "
                f"Set cameras.{name}.transport to match"
            )
        return start + (
            f"{len(self.publishers)} publisher(s) known. Fast DDS by default loses large "
            "best-effort images: start the camera and this node with "
            "FASTRTPS_DEFAULT_PROFILES_FILE set to config/fastdds.xml of this package"
        )

    def close(self) -> None:
        """Stop receiving."""
        self._node.destroy_subscription(self._subscription)

    def _subscribe(self) -> Subscription:
        return self._node.create_subscription(
            self._message_type,
            self.settings.topic,
            self._on_image,
            self.qos,
            callback_group=self._group,
        )

    def _on_image(self, message: Image | CompressedImage) -> None:
        self.arrivals.note(to_nanoseconds(message.header.stamp))
        try:
            self.buffer.append(to_frame(message, self.settings.name))
        except Exception as error:
            self._node.get_logger().error(
                f"camera '{self.settings.name}': frame not kept: {error}",
                throttle_duration_sec=WARNING_PERIOD_S,
            )

    @property
    def _type_name(self) -> str:
        return f"sensor_msgs/msg/{self._message_type.__name__}"

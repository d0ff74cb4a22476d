"""The cameras that can be seen now: type, quality of service, rate, whether they can be read."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from rclpy.serialization import deserialize_message
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import CompressedImage, Image

from pixelrefer_ros.doctor.finding import Finding, Level
from pixelrefer_ros.ros.conversions import to_frame
from pixelrefer_ros.ros.qos import describe_qos
from pixelrefer_ros.streams.readability import Readability, encoding_of

TYPES = {"sensor_msgs/msg/Image": Image, "sensor_msgs/msg/CompressedImage": CompressedImage}
DISCOVERY_S = 3.0
LISTENING_S = 2.0
PATIENCE_S = 10.0
"""How long is waited for what should be there, on a busy machine."""

MOST_TOPICS = 16


class _Ear:
    """Counts the images of a topic without reading more than the last one."""

    def __init__(self, node: Node, topic: str, message_type: type) -> None:
        self.message_type = message_type
        self.arrivals: list[float] = []
        self.last = b""
        node.create_subscription(message_type, topic, self._hear, qos_profile_sensor_data, raw=True)

    def _hear(self, data: bytes) -> None:
        self.arrivals.append(time.monotonic())
        self.last = data

    def rate_hz(self) -> float:
        span = self.arrivals[-1] - self.arrivals[0] if self.arrivals else 0.0
        return (len(self.arrivals) - 1) / span if span else 0.0


def check_camera_topics(wanted: Sequence[str]) -> Iterator[Finding]:
    """Listen to all image topics, or to those `wanted`: these must be there and carry images."""
    context = rclpy.Context()
    rclpy.init(args=[], context=context, signal_handler_options=SignalHandlerOptions.NO)
    node = rclpy.create_node("pixelrefer_doctor", context=context, start_parameter_services=False)
    try:
        yield from _listen(node, SingleThreadedExecutor(context=context), wanted)
    finally:
        node.destroy_node()
        context.try_shutdown()


def _listen(
    node: Node, executor: SingleThreadedExecutor, wanted: Sequence[str]
) -> Iterator[Finding]:
    executor.add_node(node)
    _spin(executor, DISCOVERY_S, lambda: all(topic in _topics(node) for topic in wanted))
    types = _topics(node)
    cameras = {topic: t for topic, names in types.items() for t in names if t in TYPES}
    for topic in wanted:
        if topic not in cameras:
            yield _absent(topic, types.get(topic, []), sorted(cameras))
    chosen = [topic for topic in wanted or sorted(cameras)[:MOST_TOPICS] if topic in cameras]
    if not cameras and not wanted:
        cure = "start the cameras; the same ROS_DOMAIN_ID must be set here and there"
        yield Finding(Level.INFO, "camera topics", "none can be seen", cure)
    ears = {topic: _Ear(node, topic, TYPES[cameras[topic]]) for topic in chosen}
    if ears:
        _spin(executor, LISTENING_S, lambda: all(ear.arrivals for ear in ears.values()))
    for topic, ear in ears.items():
        publishers = node.get_publishers_info_by_topic(topic)
        qos = "; ".join(sorted({describe_qos(publisher.qos_profile) for publisher in publishers}))
        yield _judge(topic, f"{cameras[topic]}, {qos or 'no publisher'}", ear, topic in wanted)


def _absent(topic: str, types: Sequence[str], cameras: Sequence[str]) -> Finding:
    found = f"carries {', '.join(types)}, no images" if types else "nobody publishes it"
    cure = "start the camera, or correct the name or ROS_DOMAIN_ID; image topics to be seen: "
    return Finding(Level.ERROR, topic, found, cure + (", ".join(cameras) or "none"))


def _judge(topic: str, found: str, ear: _Ear, wanted: bool) -> Finding:
    if not ear.arrivals:
        return Finding(
            Level.ERROR if wanted else Level.WARN,
            topic,
            f"{found}, no image within {PATIENCE_S:.0f} s",
            "see that the camera runs; start its driver with the Fast DDS profile of this package",
        )
    frame = to_frame(deserialize_message(ear.last, ear.message_type), topic)
    found += f", {ear.rate_hz():.1f} Hz, {encoding_of(frame)}"
    if problem := Readability().problem(frame):
        return Finding(Level.ERROR if wanted else Level.WARN, topic, found, problem)
    height, width = frame.size
    return Finding(Level.OK, topic, f"{found}, {width} x {height}")


def _topics(node: Node) -> dict[str, list[str]]:
    return dict(node.get_topic_names_and_types())


def _spin(executor: SingleThreadedExecutor, seconds: float, is_done: Callable[[], bool]) -> None:
    """Spin for `seconds`, and on, up to `PATIENCE_S` in all, until it `is_done`."""
    started = time.monotonic()
    while (spent := time.monotonic() - started) < seconds or (spent < PATIENCE_S and not is_done()):
        executor.spin_once(timeout_sec=0.1)

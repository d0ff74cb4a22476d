"""Quality of service shared by the node and its clients, and in words."""

from __future__ import annotations

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy

SERVICE_QOS = QoSProfile(
    history=HistoryPolicy.KEEP_LAST,
    depth=1000,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.VOLATILE,
)
"""Room for bursts: past the default depth of 10 the middleware drops calls without a word."""

FEEDBACK_QOS = QoSProfile(
    history=HistoryPolicy.KEEP_LAST,
    depth=1000,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.VOLATILE,
)
"""Room for all words of a long answer: with the default depth of 10 a burst loses some."""


def describe_qos(qos: QoSProfile) -> str:
    """Write what decides about compatibility, as `best effort, volatile`."""
    words = (qos.reliability.name, qos.durability.name)
    return ", ".join(word.lower().replace("_", " ") for word in words)

"""How many frames of each camera a node has received, as it says itself on `/diagnostics`."""

from __future__ import annotations

import threading

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node


class FrameCounts:
    """Listens to `/diagnostics` through a node that somebody spins; `received` is by camera."""

    def __init__(self, listener: Node, node_name: str = "pixelrefer") -> None:
        self.received: dict[str, int] = {}
        self._prefix = f"{node_name}: camera "
        self._heard = threading.Condition()
        self._messages = 0
        listener.create_subscription(DiagnosticArray, "/diagnostics", self._hear, 10)

    def wait(self, messages: int, timeout_s: float) -> bool:
        """Wait for so many more messages; False when they did not come in time."""
        with self._heard:
            wanted = self._messages + messages
            return self._heard.wait_for(lambda: self._messages >= wanted, timeout_s)

    def _hear(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.name.startswith(self._prefix):
                values = {pair.key: pair.value for pair in status.values}
                camera = status.name.removeprefix(self._prefix)
                self.received[camera] = int(values["frames received"])
        with self._heard:
            self._messages += 1
            self._heard.notify_all()

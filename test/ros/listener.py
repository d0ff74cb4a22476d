"""Hears topics, as another process on the robot would."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import rclpy
from rclpy.executors import SingleThreadedExecutor


class Listener:
    """A node with a context of its own; `heard` has the last message of each topic, `all` all."""

    def __init__(self, **topics: tuple[type, str]) -> None:
        self._context = rclpy.Context()
        rclpy.init(context=self._context)
        self._node = rclpy.create_node("listener", context=self._context)
        self.heard: dict[str, object] = {}
        self.all: dict[str, list[object]] = {name: [] for name in topics}
        for name, (message_type, topic) in topics.items():
            self._node.create_subscription(message_type, topic, partial(self._hear, name), 10)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)

    def _hear(self, name: str, message: object) -> None:
        self.heard[name] = message
        self.all[name].append(message)

    def listen(self, until: Callable[[], bool], timeout_s: float) -> bool:
        """Return whether `until` came true in time."""
        deadline = time.monotonic() + timeout_s
        while not until() and time.monotonic() < deadline:
            self._executor.spin_once(timeout_sec=0.1)
        return until()

    def __enter__(self) -> Listener:
        return self

    def __exit__(self, *error: object) -> None:
        self._node.destroy_node()
        self._context.try_shutdown()

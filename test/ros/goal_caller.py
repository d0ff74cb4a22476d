"""Sends goals to an action as they are, whatever they hold."""

from __future__ import annotations

import time
from typing import Any

import rclpy
from rclpy.action import ActionClient
from rclpy.executors import SingleThreadedExecutor
from rclpy.task import Future

from pixelrefer_ros.ros.qos import SERVICE_QOS

PATIENCE_S = 30.0


class GoalCaller:
    """A client with a context of its own, spun by whoever waits; use as a context manager."""

    def __init__(self, action_type: type, name: str) -> None:
        self._context = rclpy.Context()
        rclpy.init(context=self._context)
        self._node = rclpy.create_node("goal_caller", context=self._context)
        self._client = ActionClient(
            self._node,
            action_type,
            name,
            goal_service_qos_profile=SERVICE_QOS,
            result_service_qos_profile=SERVICE_QOS,
            cancel_service_qos_profile=SERVICE_QOS,
        )
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)
        assert self._client.wait_for_server(PATIENCE_S)

    def call(self, goal: Any, *, cancel_after_s: float | None = None) -> Any:
        """Return the result, having canceled the goal where it had not ended after that time."""
        handle = self._wait(self._client.send_goal_async(goal), PATIENCE_S)
        assert handle.accepted
        reply = handle.get_result_async()
        if cancel_after_s is not None and self._wait(reply, cancel_after_s) is None:
            handle.cancel_goal_async()
        response = self._wait(reply, PATIENCE_S)
        assert response is not None, f"no result within {PATIENCE_S} s"
        return response.result

    def __enter__(self) -> GoalCaller:
        return self

    def __exit__(self, *error: object) -> None:
        self._client.destroy()
        self._node.destroy_node()
        self._context.try_shutdown()

    def _wait(self, future: Future, timeout_s: float) -> Any:
        deadline = time.monotonic() + timeout_s
        while not future.done() and (left_s := deadline - time.monotonic()) > 0:
            self._executor.spin_once(timeout_sec=left_s)
        return future.result()

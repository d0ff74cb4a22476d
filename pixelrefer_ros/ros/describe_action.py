"""The action `~/describe_region`: words as they come, and a way to stop them."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from rclpy.action import ActionServer, CancelResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.executors import Executor
from rclpy.node import Node

from pixelrefer_ros.action import DescribeRegion
from pixelrefer_ros.engine.pending import Pending, PendingAnswers
from pixelrefer_ros.errors import ErrorCode
from pixelrefer_ros.msg import RegionQuery, RegionResult
from pixelrefer_ros.ros.call import Call
from pixelrefer_ros.ros.callers import caller_of
from pixelrefer_ros.ros.qos import FEEDBACK_QOS, SERVICE_QOS

CANCELED = "the client canceled the request"

RESULT_KEPT_S = 60
"""How long a result waits to be fetched; clients ask for it as soon as the goal is accepted."""


class Goal(Call):
    """A call by action: tells its client how far it is."""

    def __init__(self, handle: ServerGoalHandle, executor: Executor, caller: str) -> None:
        super().__init__(caller)
        self._handle = handle
        self._executor = executor
        self._told: tuple[int, int] | None = None
        self._heard: deque[tuple[int, str]] = deque()
        self._waking = threading.Lock()

    def prepare(self, finding: Pending[Any]) -> None:
        """Take note that regions are looked for, and tell."""
        super().prepare(finding)
        self.tell()

    def follow(self, pending: PendingAnswers) -> None:
        """Take note of the answers to come, and tell that they will."""
        super().follow(pending)
        self.tell()

    def on_token(self, answer: int, text: str) -> None:
        """Hear of new words, in the worker's thread."""
        self._heard.append((answer, text))
        self.on_progress()

    def on_progress(self) -> None:
        """Hear that something changed, in any thread; it is told in the executor's."""
        if self._waking.acquire(blocking=False):
            self._executor.create_task(self.tell)

    def tell(self) -> None:
        """Send what is new to the client: all new words of one answer in one message."""
        if self._waking.locked():
            self._waking.release()
        words: dict[int, str] = {}
        while self._heard:
            answer, text = self._heard.popleft()
            words[answer] = words.get(answer, "") + text
        pending = self.pending or self.finding
        if pending is None:
            return
        place = (int(pending.stage), pending.ahead)
        if not words and place != self._told:
            words[0] = ""
        self._told = place
        for answer, delta in words.items():
            feedback = DescribeRegion.Feedback(
                stage=place[0], queue_position=place[1], answer=answer, delta=delta
            )
            self._handle.publish_feedback(feedback)


Describe = Callable[[RegionQuery, Call], Awaitable[RegionResult]]
"""Answers a query whatever happens, telling the call how far it is."""


class DescribeRegionServer(ActionServer):
    """Accepts every goal; what is wrong with it is said by the result, as the service does.

    A goal succeeds when its result has no error code, is canceled when its client withdrew it, and
    aborts otherwise.
    """

    def __init__(self, node: Node, describe: Describe) -> None:
        self._describe = describe
        self._callers: dict[bytes, str] = {}
        self._goals: dict[bytes, Goal] = {}
        super().__init__(
            node,
            DescribeRegion,
            "~/describe_region",
            self._on_execute,
            callback_group=ReentrantCallbackGroup(),
            cancel_callback=self._on_cancel,
            goal_service_qos_profile=SERVICE_QOS,
            result_service_qos_profile=SERVICE_QOS,
            cancel_service_qos_profile=SERVICE_QOS,
            feedback_pub_qos_profile=FEEDBACK_QOS,
            result_timeout=RESULT_KEPT_S,
        )

    async def execute(self, taken_data: dict[str, Any]) -> None:
        """Note who sent a goal before rclpy forgets it."""
        if "goal" in taken_data:
            header, request = taken_data["goal"]
            self._callers[bytes(request.goal_id.uuid)] = caller_of(header)
        await super().execute(taken_data)

    async def _on_execute(self, handle: ServerGoalHandle) -> DescribeRegion.Result:
        name = bytes(handle.goal_id.uuid)
        goal = Goal(handle, self._node.executor, self._callers.pop(name, ""))
        self._goals[name] = goal
        if handle.is_cancel_requested:
            goal.withdraw(CANCELED)
        try:
            result = await self._describe(handle.request.query, goal)
        finally:
            del self._goals[name]
        goal.tell()
        goal.end()
        if result.error_code == ErrorCode.NONE:
            handle.succeed()
        elif result.error_code == ErrorCode.CANCELED and handle.is_cancel_requested:
            handle.canceled()
        else:
            handle.abort()
        return DescribeRegion.Result(result=result)

    def _on_cancel(self, handle: ServerGoalHandle) -> CancelResponse:
        goal = self._goals.get(bytes(handle.goal_id.uuid))
        if goal is not None:
            # After rclpy has noted the request, which ends a goal that is answered at once.
            self._node.executor.create_task(goal.withdraw, CANCELED)
        return CancelResponse.ACCEPT

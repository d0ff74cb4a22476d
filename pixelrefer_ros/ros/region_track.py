"""The planner's side of `~/track_region`: one object being watched."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import suppress

from rclpy.action import ActionClient
from rclpy.action.client import ClientGoalHandle
from rclpy.executors import Executor

from pixelrefer_ros.action import TrackRegion
from pixelrefer_ros.errors import DeadlineError, NotActiveError

logger = logging.getLogger(__name__)

CANCEL_S = 30.0
"""Longest wait for the result after canceling."""


class RegionTrack:
    """Watches an object from now on; `cancel` it, or leave its `with` block, when that is enough.

    latest: the last feedback, and last_seen: the last with a box; None before the first. `ended`
    gets the result. `on_feedback` is called in the client's thread, where nothing may wait; what it
    raises is logged.
    """

    def __init__(
        self,
        action: ActionClient,
        executor: Executor,
        goal: TrackRegion.Goal,
        on_feedback: Callable[[TrackRegion.Feedback], None] | None = None,
    ) -> None:
        self.latest: TrackRegion.Feedback | None = None
        self.last_seen: TrackRegion.Feedback | None = None
        self.ended: Future[TrackRegion.Result] = Future()
        self._action = action
        self._executor = executor
        self._goal = goal
        self._on_feedback = on_feedback
        self._heard = threading.Condition()
        self._handle: ClientGoalHandle | None = None
        self._canceled = False
        self.ended.add_done_callback(lambda _: self._wake())

    async def watch(self) -> None:
        """Send the goal and wait for its end; runs in the client's executor, as `AnswerStream`."""
        handle = await self._action.send_goal_async(self._goal, feedback_callback=self._hear)
        self._handle = handle
        if self._canceled:
            self._cancel()
        response = await handle.get_result_async()
        with suppress(InvalidStateError):
            self.ended.set_result(response.result)

    def wait_until_seen(self, timeout_s: float = 30.0) -> TrackRegion.Feedback:
        """Return the last feedback with a box, waiting for the first one if need be.

        Raises `DeadlineError` when there is none in time, `NotActiveError` when the track ended
        before; `ended` tells why.
        """
        with self._heard:
            self._heard.wait_for(lambda: self.last_seen or self.ended.done(), timeout_s)
            if self.last_seen is not None:
                return self.last_seen
        if self.ended.done():
            raise NotActiveError(f"the track has ended: {self.ended.result().error_msg}")
        raise DeadlineError(f"the object was not seen within {timeout_s:.1f} s")

    def cancel(self) -> TrackRegion.Result:
        """End it and return the result.

        Raises `DeadlineError` when the node does not reply, `NotActiveError` when the client was
        closed.
        """
        if not self.ended.done():
            self._executor.create_task(self._cancel)
        try:
            return self.ended.result(CANCEL_S)
        except FutureTimeoutError as error:
            raise DeadlineError(
                f"no reply within {CANCEL_S:.1f} s; is the node still running?"
            ) from error

    def __enter__(self) -> RegionTrack:
        return self

    def __exit__(self, *error: object) -> None:
        self.cancel()

    def _cancel(self) -> None:
        self._canceled = True
        if self._handle is not None and not self.ended.done():
            self._handle.cancel_goal_async()

    def _hear(self, message: TrackRegion.Impl.FeedbackMessage) -> None:
        with self._heard:
            self.latest = message.feedback
            if self.latest.region.roi.width:
                self.last_seen = self.latest
            self._heard.notify_all()
        if self._on_feedback is not None:
            try:
                self._on_feedback(message.feedback)
            except Exception:
                logger.exception("on_feedback failed")

    def _wake(self) -> None:
        with self._heard:
            self._heard.notify_all()

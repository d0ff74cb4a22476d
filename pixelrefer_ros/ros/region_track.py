"""The planner's side of `~/track_region`: one object being watched."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import suppress

from rclpy.action import ActionClient
from rclpy.action.client import ClientGoalHandle
from rclpy.task import Future as RosFuture

from pixelrefer_ros.action import TrackRegion
from pixelrefer_ros.errors import DeadlineError, NotActiveError

CANCEL_S = 5.0
"""Longest wait for the result after canceling."""


class RegionTrack:
    """Watches an object from now on; `cancel` it, or leave its `with` block, when that is enough.

    latest: the last feedback, and last_seen: the last with a box; None before the first. `ended`
    gets the result. `on_feedback` is called in the client's thread, where nothing may wait.
    """

    def __init__(
        self,
        client: ActionClient,
        goal: TrackRegion.Goal,
        on_feedback: Callable[[TrackRegion.Feedback], None] | None = None,
    ) -> None:
        self.latest: TrackRegion.Feedback | None = None
        self.last_seen: TrackRegion.Feedback | None = None
        self.ended: Future[TrackRegion.Result] = Future()
        self._on_feedback = on_feedback
        self._heard = threading.Condition()
        self._goal: Future[ClientGoalHandle] = Future()
        sent = client.send_goal_async(goal, feedback_callback=self._hear)
        sent.add_done_callback(self._accept)

    def wait_until_seen(self, timeout_s: float = 10.0) -> TrackRegion.Feedback:
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
        """End it and return the result. Raises `DeadlineError` when the node does not reply."""
        try:
            if not self.ended.done():
                self._goal.result(CANCEL_S).cancel_goal_async()
            return self.ended.result(CANCEL_S)
        except FutureTimeoutError as error:
            raise DeadlineError(
                f"no reply within {CANCEL_S:.1f} s; is the node still running?"
            ) from error

    def __enter__(self) -> RegionTrack:
        return self

    def __exit__(self, *error: object) -> None:
        self.cancel()

    def _accept(self, sent: RosFuture) -> None:
        handle: ClientGoalHandle = sent.result()
        with suppress(InvalidStateError):
            self._goal.set_result(handle)
        handle.get_result_async().add_done_callback(self._end)

    def _hear(self, message: TrackRegion.Impl.FeedbackMessage) -> None:
        with self._heard:
            self.latest = message.feedback
            if self.latest.region.roi.width:
                self.last_seen = self.latest
            self._heard.notify_all()
        if self._on_feedback is not None:
            self._on_feedback(message.feedback)

    def _end(self, result: RosFuture) -> None:
        with self._heard, suppress(InvalidStateError):
            self.ended.set_result(result.result().result)
            self._heard.notify_all()

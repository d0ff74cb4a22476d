"""The action `~/track_region`: watch an object, hear where it is, ask about it by its name."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from rclpy.action import ActionServer, CancelResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.exceptions import InvalidHandle
from rclpy.node import Node

from pixelrefer_ros.action import TrackRegion
from pixelrefer_ros.errors import CanceledError, InferenceError, PixelReferError
from pixelrefer_ros.msg import RegionReference
from pixelrefer_ros.ros.conversions import to_box_reference
from pixelrefer_ros.ros.describe_action import RESULT_KEPT_S
from pixelrefer_ros.ros.track import Sighting, Track
from pixelrefer_ros.ros.waiting import wait_in_executor

CANCELED = CanceledError("canceled by the planner")

Begin = Callable[[TrackRegion.Goal, Callable[[Sighting], None]], Track]
"""Starts what a goal asks for, telling each step; raises `PixelReferError`."""


class TrackRegionServer:
    """Accepts every goal; what is wrong with it stands in its result."""

    def __init__(self, node: Node, begin: Begin) -> None:
        self._node = node
        self._begin = begin
        self._tracks: dict[bytes, Track] = {}
        self._last = time.monotonic()
        self._server = ActionServer(
            node,
            TrackRegion,
            "~/track_region",
            self._execute,
            cancel_callback=self._on_cancel,
            callback_group=ReentrantCallbackGroup(),
            result_timeout=RESULT_KEPT_S,
        )

    @property
    def idle_s(self) -> float:
        """For how long every goal has had its result."""
        return 0.0 if self._tracks else time.monotonic() - self._last

    def _on_cancel(self, goal: ServerGoalHandle) -> CancelResponse:
        track = self._tracks.get(bytes(goal.goal_id.uuid))
        if track is not None:
            track.end(CANCELED)
        return CancelResponse.ACCEPT

    async def _execute(self, goal: ServerGoalHandle) -> TrackRegion.Result:
        result = TrackRegion.Result()
        reason: PixelReferError
        try:
            track = self._begin(goal.request, partial(self._tell, goal, deque()))
        except PixelReferError as error:
            reason = error.with_traceback(None)  # it leads back to here
        except Exception as error:
            self._node.get_logger().error(
                f"track failed: {type(error).__name__}: {error}", throttle_duration_sec=10.0
            )
            reason = InferenceError(f"track failed: {type(error).__name__}: {error}")
        else:
            self._tracks[bytes(goal.goal_id.uuid)] = track
            if goal.is_cancel_requested:  # before there was a track to end
                track.end(CANCELED)
            reason = await wait_in_executor(track.ended, self._node.executor)
            del self._tracks[bytes(goal.goal_id.uuid)]
            self._last = time.monotonic()
            if (sighting := track.latest()) is not None:
                result.region = to_message(track.object_id, sighting)
        result.error_code, result.error_msg = reason.code.value, str(reason)
        if goal.is_cancel_requested:
            goal.canceled()
        else:
            goal.abort()
        return result

    def _tell(
        self, goal: ServerGoalHandle, untold: deque[TrackRegion.Feedback], sighting: Sighting
    ) -> None:
        """Tell of a step, in any thread; in order, though rclpy starts the newest task first."""
        untold.append(
            TrackRegion.Feedback(
                region=to_message(goal.request.region.object_id, sighting), score=sighting.score
            )
        )

        def publish() -> None:
            feedback = untold.popleft()
            if goal.is_active:
                with suppress(InvalidHandle):
                    goal.publish_feedback(feedback)

        self._node.executor.create_task(publish)


def to_message(object_id: str, sighting: Sighting) -> RegionReference:
    """Describe where an object is; without a box where it is not seen."""
    box = sighting.region.box if sighting.region is not None else None
    return to_box_reference(box or (0, 0, 0, 0), object_id, sighting.frame)

"""For planners: ask a running node about regions, from any thread and from inside callbacks."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, InvalidStateError
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

import rclpy
from rclpy.action import ActionClient
from rclpy.client import Client
from rclpy.context import Context
from rclpy.executors import (
    ExternalShutdownException,
    ShutdownException,
    SingleThreadedExecutor,
)
from rclpy.parameter import Parameter
from rclpy.task import Future as RosFuture
from std_msgs.msg import Header

from pixelrefer_ros import action
from pixelrefer_ros.errors import DeadlineError, NotActiveError
from pixelrefer_ros.msg import RegionQuery, RegionReference, RegionResult
from pixelrefer_ros.ros.answer_stream import AnswerStream
from pixelrefer_ros.ros.conversions import to_duration, to_nanoseconds
from pixelrefer_ros.ros.qos import FEEDBACK_QOS, SERVICE_QOS
from pixelrefer_ros.ros.query_options import QueryOptions, build_query
from pixelrefer_ros.ros.references import (
    box_reference,
    mask_reference,
    object_reference,
    point_reference,
    polygon_reference,
)
from pixelrefer_ros.ros.region_track import RegionTrack
from pixelrefer_ros.srv import DescribeRegion, ListFrames
from pixelrefer_ros.streams.stamps import NANOSECONDS

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = [
    "DescribeRegionClient",
    "box_reference",
    "mask_reference",
    "object_reference",
    "point_reference",
    "polygon_reference",
]

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

DISCOVERY_S = 5.0
"""Longest wait for an action of a node whose services are known."""

REPLY_MARGIN_S = 2.0
"""How much longer than the request's own timeout the client waits for the reply."""


class DescribeRegionClient:
    """Asks a PixelRefer node.

    The client has a context, a node and a thread of its own: waiting for an answer inside a
    callback of the planner's node cannot block the answer, and `rclpy.init` is not needed. Use as
    a context manager, or call `close`.
    """

    def __init__(self, node_name: str = "/pixelrefer") -> None:
        self._name = name = node_name.rstrip("/")
        self._context = Context()
        rclpy.init(context=self._context)
        self.node = rclpy.create_node(
            f"describe_region_client_{os.getpid()}_{id(self):x}",
            context=self._context,
            use_global_arguments=False,
            start_parameter_services=False,
            # The name of such a service would hold this node's: no SROS 2 policy could list it.
            parameter_overrides=[Parameter("start_type_description_service", value=False)],
        )
        self._describe = self.node.create_client(
            DescribeRegion, f"{name}/describe_region", qos_profile=SERVICE_QOS
        )
        self._list = self.node.create_client(
            ListFrames, f"{name}/list_frames", qos_profile=SERVICE_QOS
        )
        self._track = ActionClient(self.node, action.TrackRegion, f"{name}/track_region")
        self._action = ActionClient(
            self.node,
            action.DescribeRegion,
            f"{name}/describe_region",
            goal_service_qos_profile=SERVICE_QOS,
            result_service_qos_profile=SERVICE_QOS,
            cancel_service_qos_profile=SERVICE_QOS,
            feedback_sub_qos_profile=FEEDBACK_QOS,
        )
        self._unasked: deque[AnswerStream] = deque()
        self._unanswered: set[Future[Any]] = set()
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)
        self._thread = threading.Thread(target=self._spin, name="describe_region", daemon=True)
        self._thread.start()

    def wait_for_node(self, timeout_s: float = 10.0) -> bool:
        """Wait until the node answers; False when `timeout_s` passed before.

        A service can be seen before its replies find the way back, so this makes a call.
        """
        deadline = time.monotonic() + timeout_s
        while (left := deadline - time.monotonic()) > 0:
            services = (self._list.wait_for_service(left), self._describe.wait_for_service(0.0))
            if all(services) and self._action.wait_for_server(0.1):
                with suppress(DeadlineError, NotActiveError):
                    self.list_frames(timeout_s=min(left, 1.0))
                    return True
        return False

    def describe(
        self,
        regions: RegionReference | Sequence[RegionReference],
        prompt: str = "",
        **options: Unpack[QueryOptions],
    ) -> RegionResult:
        """Ask and wait for the result; check its `error_code` (`pixelrefer_ros.errors.ErrorCode`).

        options: keywords of `build_query`, which says what they mean. Raises `DeadlineError` when
        no reply came at all, `NotActiveError` when the node is not there.
        """
        query = build_query(regions, prompt, **options)
        return self._wait(self.describe_async(query), _patience(query))

    def describe_streaming(
        self,
        regions: RegionReference | Sequence[RegionReference],
        prompt: str = "",
        **options: Unpack[QueryOptions],
    ) -> AnswerStream:
        """Ask and hear the words as they come; `cancel` and `result` are methods of the stream.

        options: as in `describe`. Raises `NotActiveError` when the node is not there.
        """
        query = build_query(regions, prompt, **options)
        if not self._action.server_is_ready():
            raise NotActiveError(self._not_there("action", f"{self._name}/describe_region"))
        stream = AnswerStream(
            self._action, self._executor, query, _patience(query), self._check_thread
        )
        self._remember(stream.reply)
        self._unasked.append(stream)
        self._executor.create_task(self._ask_next)
        return stream

    def describe_async(self, query: RegionQuery) -> Future[RegionResult]:
        """Ask without waiting; the future is completed from the client's thread.

        It stays open when the node dies: wait with `result(timeout)`, and cancel what is given up.
        """
        return self._call(self._describe, DescribeRegion.Request(query=query), "result")

    def track(
        self,
        region: RegionReference,
        *,
        camera: str = "",
        timeout_s: float = 0.0,
        on_feedback: Callable[[action.TrackRegion.Feedback], None] | None = None,
    ) -> RegionTrack:
        """Watch an object; meanwhile `object_reference` points at it by its name.

        It ends after `timeout_s`; 0 means the node's default. Raises `NotActiveError` when the
        node is not there.
        """
        if not self._track.wait_for_server(DISCOVERY_S):
            raise NotActiveError(self._not_there("action", f"{self._name}/track_region"))
        goal = action.TrackRegion.Goal(camera=camera, region=region, timeout=to_duration(timeout_s))
        track = RegionTrack(self._track, self._executor, goal, on_feedback)
        self._remember(track.ended)
        self._executor.create_task(track.watch)
        return track

    def list_frames(self, camera: str = "", *, timeout_s: float = 30.0) -> list[Header]:
        """Return the headers of the frames the node holds, oldest first.

        Raises `DeadlineError` or `NotActiveError` as `describe` does.
        """
        future: Future[list[Header]] = self._call(
            self._list, ListFrames.Request(camera=camera), "frames"
        )
        return self._wait(future, timeout_s)

    def close(self) -> None:
        """End the client's thread and node; calls on their way fail with `NotActiveError`."""
        self._check_thread()
        self._context.try_shutdown()
        self._thread.join()
        for reply in list(self._unanswered):
            with suppress(InvalidStateError):
                reply.set_exception(NotActiveError("the client was closed before the reply came"))
        self._executor.shutdown()
        self._action.destroy()
        self._track.destroy()
        self.node.destroy_node()

    def __enter__(self) -> DescribeRegionClient:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _call(self, client: Client, request: object, field: str) -> Future[Any]:
        if not client.service_is_ready():
            raise NotActiveError(self._not_there("service", client.srv_name))
        reply: Future[Any] = Future()
        self._remember(reply)

        def settle(response: RosFuture) -> None:
            # The caller may have canceled its future in the meantime.
            with suppress(InvalidStateError):
                reply.set_result(getattr(response.result(), field))

        response = client.call_async(request)
        response.add_done_callback(settle)
        reply.add_done_callback(lambda _: client.remove_pending_request(response))
        return reply

    async def _ask_next(self) -> None:
        """Ask in the order of the calls: rclpy starts the newest task first."""
        await self._unasked.popleft().ask()

    def _remember(self, reply: Future[Any]) -> None:
        self._unanswered.add(reply)
        reply.add_done_callback(self._unanswered.discard)

    @staticmethod
    def _not_there(kind: str, name: str) -> str:
        return f"no {kind} {name}: start the node, or give its name with its namespace"

    def _wait(self, reply: Future[Result], timeout_s: float) -> Result:
        self._check_thread()
        try:
            return reply.result(timeout_s)
        except FutureTimeoutError as error:
            reply.cancel()
            raise DeadlineError(
                f"no reply within {timeout_s:.1f} s; is the node still running?"
            ) from error

    def _check_thread(self) -> None:
        if threading.current_thread() is self._thread:
            raise RuntimeError(
                "called from a callback of a future of describe_async, which runs in the client's "
                "own thread: waiting there would wait for ever"
            )

    def _spin(self) -> None:
        while self._context.ok():
            try:
                self._executor.spin()
            except (ExternalShutdownException, ShutdownException):
                return
            except Exception:  # of one callback: the others still wait for their replies
                logger.exception("callback failed")


def _patience(query: RegionQuery) -> float:
    """Return how long to wait for the reply to a query, seconds."""
    return to_nanoseconds(query.timeout) / NANOSECONDS + REPLY_MARGIN_S

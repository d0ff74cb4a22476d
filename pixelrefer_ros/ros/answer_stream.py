"""For planners: the words of an answer as they come."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import Future, InvalidStateError
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import suppress
from queue import Empty, SimpleQueue

from rclpy.action import ActionClient
from rclpy.action.client import ClientGoalHandle
from rclpy.executors import Executor

from pixelrefer_ros.action import DescribeRegion
from pixelrefer_ros.engine.pending import Stage
from pixelrefer_ros.errors import DeadlineError, NotActiveError, PixelReferError
from pixelrefer_ros.msg import RegionQuery, RegionResult


class AnswerStream:
    """A question on its way: iterate over its feedback until the result is there.

    Each `DescribeRegion.Feedback` has `stage`, `queue_position`, `answer` (its index) and `delta`;
    all deltas of an answer together are its text. `cancel` stops the answer at the next word, and
    so does leaving a `with` block early. May be used from any thread, by one reader.
    """

    def __init__(
        self,
        action: ActionClient,
        executor: Executor,
        query: RegionQuery,
        timeout_s: float,
        check_thread: Callable[[], None],
    ) -> None:
        self.reply: Future[RegionResult] = Future()
        self._query = query
        self._action = action
        self._executor = executor
        self._timeout_s = timeout_s
        self._deadline = time.monotonic() + timeout_s
        self._check_thread = check_thread
        self._feedback: SimpleQueue[DescribeRegion.Feedback | None] = SimpleQueue()
        self._heard: defaultdict[int, str] = defaultdict(str)
        self._handle: ClientGoalHandle | None = None
        self._canceled = False
        self.reply.add_done_callback(lambda _: self._feedback.put(None))

    async def ask(self) -> None:
        """Send the question and wait for all that comes of it; runs in the client's executor.

        There, because rclpy's action client loses replies that come while another thread sends.
        """
        goal = DescribeRegion.Goal(query=self._query)
        handle = await self._action.send_goal_async(goal, feedback_callback=self._hear)
        if not handle.accepted:
            self._fail(NotActiveError("the node refused the goal"))
            return
        self._handle = handle
        if self._canceled:
            self._cancel()
        response = await handle.get_result_async()
        self._complete(response.result.result)
        with suppress(InvalidStateError):
            self.reply.set_result(response.result.result)

    def __iter__(self) -> Iterator[DescribeRegion.Feedback]:
        """Yield what comes. Raises `DeadlineError` when nothing more came within the timeout."""
        self._check_thread()
        while True:
            try:
                feedback = self._feedback.get(timeout=max(0.0, self._deadline - time.monotonic()))
            except Empty:
                raise self._no_reply() from None
            if feedback is None:
                self._feedback.put(None)  # for whoever iterates again
                return
            yield feedback

    def cancel(self) -> None:
        """Withdraw the question; the result then has the code CANCELED and what was said so far."""
        if not self.reply.done():
            self._executor.create_task(self._cancel)

    def result(self) -> RegionResult:
        """Wait for the result; check its `error_code`.

        Raises `DeadlineError` when no reply came at all, `NotActiveError` when the client was
        closed.
        """
        self._check_thread()
        try:
            return self.reply.result(max(0.0, self._deadline - time.monotonic()))
        except FutureTimeoutError as error:
            raise self._no_reply() from error

    def __enter__(self) -> AnswerStream:
        return self

    def __exit__(self, *error: object) -> None:
        self.cancel()

    def _no_reply(self) -> DeadlineError:
        return DeadlineError(f"no reply within {self._timeout_s:.1f} s; is the node still running?")

    def _cancel(self) -> None:
        self._canceled = True
        if self._handle is not None and not self.reply.done():
            self._handle.cancel_goal_async()

    def _hear(self, message: DescribeRegion.Impl.FeedbackMessage) -> None:
        if not self.reply.done():
            self._heard[message.feedback.answer] += message.feedback.delta
            self._feedback.put(message.feedback)

    def _complete(self, result: RegionResult) -> None:
        """Tell the words that the result brings before their feedback does."""
        for index, answer in enumerate(result.answers):
            heard = self._heard[index].lstrip()
            if answer.text.startswith(heard) and len(answer.text) > len(heard):
                delta = answer.text[len(heard) :]
                self._feedback.put(
                    DescribeRegion.Feedback(stage=int(Stage.GENERATING), answer=index, delta=delta)
                )

    def _fail(self, error: PixelReferError) -> None:
        with suppress(InvalidStateError):
            self.reply.set_exception(error)

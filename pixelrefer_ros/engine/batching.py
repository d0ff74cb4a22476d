"""The bounded queue in front of the device: what waits together is worked on together."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field

from pixelrefer_ros.engine.query import Answer, Query
from pixelrefer_ros.engine.questions import Question
from pixelrefer_ros.errors import BusyError, DeadlineError, InferenceError, NotActiveError

OnToken = Callable[[int, str], None]
"""Called with the index of the answer and the text it grew by, from the worker thread."""


@dataclass(eq=False)
class Request:
    """A query waiting for its answers. Whoever settles the future first wins."""

    query: Query
    questions: list[Question]
    max_new_tokens: int
    on_token: OnToken | None = None
    future: Future[list[Answer]] = field(default_factory=Future)
    submitted: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        # Without this, a canceled future does not wake `concurrent.futures.wait`.
        self.future.add_done_callback(
            lambda future: future.cancelled() and future.set_running_or_notify_cancel()
        )

    def is_wanted(self) -> bool:
        """False once the request is answered, canceled or past its deadline."""
        return not self.future.done()

    def resolve(self, answers: list[Answer]) -> None:
        """Give the answers, unless the future was settled in the meantime."""
        with suppress(InvalidStateError):
            self.future.set_result(answers)

    def fail(self, error: BaseException) -> None:
        """Give an error, unless the future was settled in the meantime."""
        with suppress(InvalidStateError):
            self.future.set_exception(error)

    def teller(self, index: int) -> Callable[[str], None]:
        """Return what tells the words of one answer; a listener that raises fails its request."""

        def tell(text: str) -> None:
            assert self.on_token is not None
            try:
                self.on_token(index, text)
            except Exception as error:
                self.fail(InferenceError(f"on_token raised {type(error).__name__}: {error}"))

        return tell

    def expire_at(self, deadline: float) -> None:
        """Fail with `DeadlineError` at `deadline` (monotonic seconds), whatever the worker does."""
        allowed = deadline - self.submitted
        error = DeadlineError(f"the deadline, {allowed:.3f} s after submission, has passed")
        if allowed <= 0:
            self.fail(error)
            return
        timer = threading.Timer(allowed, self.fail, [error])
        timer.daemon = True
        self.future.add_done_callback(lambda _: timer.cancel())
        timer.start()


class RequestQueue:
    """First in, first out, at most `capacity` requests wait; safe under threads.

    It knows the requests handed out until they are answered, so that none is ever out of sight
    between waiting and being answered.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._waiting: deque[Request] = deque()
        self._taken: list[Request] = []
        self._changed = threading.Condition()
        self._closed = False

    def __len__(self) -> int:
        with self._changed:
            return sum(request.is_wanted() for request in self._waiting)

    def put(self, request: Request) -> None:
        """Add a request; raise `BusyError` when full, `NotActiveError` when closed."""
        with self._changed:
            if self._closed:
                raise NotActiveError("the engine is closed")
            if len(self._waiting) >= self._capacity:
                self._forget_unwanted()
            if len(self._waiting) >= self._capacity:
                raise BusyError(
                    f"{len(self._waiting)} requests are waiting, the queue holds {self._capacity}"
                )
            self._waiting.append(request)
            self._changed.notify()

    def change_capacity(self, capacity: int) -> None:
        """Let so many wait from now on; those that wait already stay."""
        with self._changed:
            self._capacity = capacity

    def take(self, max_rows: int) -> list[Request]:
        """Wait for requests and take as many as fit into `max_rows` questions, at least one.

        Returns an empty list once the queue is closed.
        """
        with self._changed:
            while True:
                self._forget_unwanted()
                if self._closed or self._waiting:
                    break
                self._changed.wait()
            first = [self._waiting.popleft()] if self._waiting else []
            self._taken += first
            return first + self._take_fitting(max_rows - sum(len(r.questions) for r in first))

    def take_more(self, max_rows: int) -> list[Request]:
        """Take those of the waiting requests, in order, that fit into `max_rows` questions now."""
        with self._changed:
            self._forget_unwanted()
            return self._take_fitting(max_rows)

    def clear(self) -> list[Request]:
        """Forget what is waiting; return it together with what was taken and is not answered."""
        with self._changed:
            self._forget_unwanted()
            unanswered = [*self._taken, *self._waiting]
            self._waiting.clear()
            return unanswered

    def close(self) -> list[Request]:
        """Let nobody in any more; return the requests that are not answered yet."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            return self.clear()

    def _take_fitting(self, max_rows: int) -> list[Request]:
        fitting = []
        while self._waiting and len(self._waiting[0].questions) <= max_rows:
            fitting.append(self._waiting.popleft())
            max_rows -= len(fitting[-1].questions)
        self._taken += fitting
        return fitting

    def _forget_unwanted(self) -> None:
        self._waiting = deque(request for request in self._waiting if request.is_wanted())
        self._taken = [request for request in self._taken if request.is_wanted()]

"""The bounded queue in front of the device: what waits together is worked on together."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field

from pixelrefer_ros.engine.expiry import expire_after
from pixelrefer_ros.engine.pending import OnProgress, PendingAnswers, Stage
from pixelrefer_ros.engine.query import Answer, Query
from pixelrefer_ros.engine.questions import Question
from pixelrefer_ros.engine.turns import Turns
from pixelrefer_ros.errors import (
    BusyError,
    DeadlineError,
    InferenceError,
    NotActiveError,
    PixelReferError,
)

OnToken = Callable[[int, str], None]
"""Called with the index of the answer and the text it grew by, from the worker thread."""


@dataclass(eq=False)
class Request:
    """A query waiting for its answers. Whoever settles the future first wins."""

    query: Query
    questions: list[Question]
    max_new_tokens: int
    on_token: OnToken | None = None
    on_progress: OnProgress | None = None
    client: str = ""
    future: PendingAnswers = field(default_factory=PendingAnswers)
    submitted: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.future.add_done_callback(_settled)

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

    def advance(self, stage: Stage, ahead: int = 0) -> None:
        """Tell how far it is, if that is new; a listener that raises fails its request."""
        self.future.advance(stage, ahead, self.on_progress)

    def show(self, so_far: Callable[[], list[Answer]]) -> None:
        """Let the answers be seen as they grow, until the future is settled."""
        self.future.so_far = so_far
        if not self.is_wanted():
            self.future.so_far = list

    def teller(self, index: int) -> Callable[[str], None]:
        """Return what tells the words of one answer while it is wanted.

        A listener that raises fails its request.
        """

        def tell(text: str) -> None:
            assert self.on_token is not None
            if not self.is_wanted():
                return
            try:
                self.on_token(index, text)
            except Exception as error:
                self.fail(InferenceError(f"on_token raised {type(error).__name__}: {error}"))

        return tell

    def expire_at(self, deadline: float) -> None:
        """Fail with `DeadlineError` at `deadline` (monotonic seconds), whatever the worker does."""
        allowed = deadline - self.submitted
        error = DeadlineError(f"the deadline, {allowed:.3f} s after submission, has passed")
        expire_after(allowed, self.future, self.fail, error)


def _settled(future: Future[list[Answer]]) -> None:
    """Let go of the pictures; what is called back must not hold the request, which has them too."""
    assert isinstance(future, PendingAnswers)
    future.so_far = list
    if future.cancelled():
        # Without this, a canceled future does not wake `concurrent.futures.wait`.
        future.set_running_or_notify_cancel()


class RequestQueue:
    """At most `capacity` requests wait, those of one client in order; safe under threads.

    Clients take turns, and the last row is for one that nothing is being answered of, so no client
    with a name has all rows however long its answers are. When the queue is full, a request of a
    client that has fewer in it pushes out the last one of the client that has most, which is
    answered busy.

    It knows the requests handed out until they are answered, so that none is ever out of sight
    between waiting and being answered.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._waiting: Turns[Request] = Turns()
        self._taken: list[Request] = []
        self._changed = threading.Condition()
        self._refusal: PixelReferError | None = None

    def __len__(self) -> int:
        with self._changed:
            return sum(request.is_wanted() for request in self._waiting)

    def put(self, request: Request) -> None:
        """Add a request, unless nobody waits for it any more.

        Raises `BusyError` when full, the reason given to `close` when closed.
        """
        if not request.is_wanted():
            return
        with self._changed:
            self.check_room(request.client)
            is_full = len(self._waiting) >= self._capacity
            pushed_out = self._waiting.make_room(request.client) if is_full else None
            self._waiting.append(request)
            self._tell_places()
            self._changed.notify()
        if pushed_out is not None:
            pushed_out.fail(
                BusyError(
                    f"the queue holds {self._capacity} requests, most of them of this client, "
                    "and another one asks"
                )
            )
        request.future.add_done_callback(self._withdraw)

    def check_room(self, client: str) -> None:
        """Raise what `put` would raise now for a request of this client."""
        with self._changed:
            if self._refusal is not None:
                raise type(self._refusal)(str(self._refusal))
            if len(self._waiting) >= self._capacity:
                self._forget_unwanted()
            if len(self._waiting) >= self._capacity and not self._waiting.has_room(client):
                raise BusyError(
                    f"{len(self._waiting)} requests are waiting, the queue holds {self._capacity}"
                )

    def change_capacity(self, capacity: int) -> None:
        """Let so many wait from now on; those that wait already stay."""
        with self._changed:
            self._capacity = capacity

    def take(self, max_rows: int, window: float = 0.0) -> list[Request]:
        """Wait for requests and take as many as fit into `max_rows` questions, at least one.

        A request waits up to `window` seconds after it was submitted for others to go with it.
        Returns an empty list once the queue is closed.
        """
        with self._changed:
            while self._refusal is None:
                self._forget_unwanted()
                pause = self._time_to_gather(max_rows, window)
                if pause is not None and pause <= 0:
                    break
                self._changed.wait(pause)
            first = [self._waiting.take()] if len(self._waiting) else []
            self._taken += first
            return first + self._take_fitting(max_rows - sum(len(r.questions) for r in first))

    def take_more(self, max_rows: int) -> list[Request]:
        """Take those of the waiting requests, in turn, that fit into `max_rows` questions now."""
        with self._changed:
            self._forget_unwanted()
            return self._take_fitting(max_rows)

    def close(self, reason: PixelReferError | None = None) -> list[Request]:
        """Let nobody in any more; return the requests that are not answered yet.

        The first `reason` is what `put` raises from now on, `NotActiveError` if there is none.
        """
        with self._changed:
            self._refusal = self._refusal or reason or NotActiveError("the engine is closed")
            self._changed.notify_all()
            self._forget_unwanted()
            unanswered = [*self._taken, *self._waiting]
            self._waiting.clear()
            return unanswered

    def _time_to_gather(self, max_rows: int, window: float) -> float | None:
        """Return how long to wait for more requests, in seconds; None: until the first comes."""
        oldest = min((request.submitted for request in self._waiting), default=None)
        if oldest is None:
            return None
        if sum(len(request.questions) for request in self._waiting) >= max_rows:
            return 0.0
        return oldest + window - time.monotonic()

    def _take_fitting(self, max_rows: int) -> list[Request]:
        fitting = []
        while request := self._next_fitting(max_rows):
            fitting.append(self._waiting.take(request.client))
            self._taken.append(request)
            max_rows -= len(request.questions)
        self._tell_places()
        return fitting

    def _next_fitting(self, max_rows: int) -> Request | None:
        """Return what is next; one too large is passed only if its client is being answered."""
        answered = {request.client for request in self._taken} - {""}
        for request in self._waiting.firsts():
            is_answered = request.client in answered
            if len(request.questions) + is_answered <= max_rows:
                return request
            if not is_answered:
                return None
        return None

    def _withdraw(self, future: Future[list[Answer]]) -> None:
        """Let those behind a request that was withdrawn know that they moved up."""
        assert isinstance(future, PendingAnswers)
        if future.stage == Stage.WAITING:
            with self._changed:
                self._forget_unwanted()
                self._tell_places()

    def _tell_places(self) -> None:
        for ahead, request in enumerate(list(self._waiting)):
            request.advance(Stage.WAITING, ahead)

    def _forget_unwanted(self) -> None:
        self._waiting.keep(Request.is_wanted)
        self._taken = [request for request in self._taken if request.is_wanted()]

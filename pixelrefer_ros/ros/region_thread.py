"""The thread that segments and follows: work that needs pixels and time, away from the executor."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError, ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar

from pixelrefer_ros.engine.failures import as_reported
from pixelrefer_ros.errors import BusyError, DeadlineError, NotActiveError

Result = TypeVar("Result")

IsWanted = Callable[[], bool]
"""False once the work was canceled or its deadline has passed."""


class RegionThread:
    """Does one piece of work at a time, in order; at most `capacity` questions wait for theirs.

    One thread, because a segmenter on a GPU is one and the same for all who ask.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="regions")
        self._lock = threading.Lock()
        self._unfinished: set[Future[Any]] = set()
        self._asked = 0
        self._closed = False

    def ask(self, work: Callable[[IsWanted], Result], *, timeout_s: float) -> Future[Result]:
        """Do as `submit` does, for a question.

        After `timeout_s` the future fails with `DeadlineError`, whatever the thread is doing.
        Raises `BusyError` when too many wait, and what `submit` raises.
        """
        with self._lock:
            if self._asked >= self._capacity:
                raise BusyError(
                    f"{self._asked} requests wait for their regions, at most {self._capacity} may"
                )
            self._asked += 1
        try:
            future = self.submit(work)
        except NotActiveError:
            self._count_answered()
            raise
        future.add_done_callback(lambda _: self._count_answered())
        _expire(future, timeout_s)
        return future

    def submit(self, work: Callable[[IsWanted], Result]) -> Future[Result]:
        """Queue `work` and return at once; it may ask now and then whether it is still wanted.

        The future can be canceled at any time; failures become typed errors. Raises
        `NotActiveError` when closed.
        """
        future: Future[Result] = Future()
        with self._lock:
            if self._closed:
                raise NotActiveError("the node is not active; configure and activate it first")
            self._unfinished.add(future)
            self._pool.submit(self._run, future, work)
        future.add_done_callback(self._forget)
        return future

    def cancel_all(self) -> None:
        """Cancel what waits and what is being done."""
        for future in self._snapshot():
            future.cancel()

    def close(self) -> None:
        """Fail everything with `NotActiveError`; the thread ends with the step it is at."""
        with self._lock:
            self._closed = True
        for future in self._snapshot():
            with suppress(InvalidStateError):
                future.set_exception(NotActiveError("the node was stopped before the answer came"))
        self._pool.shutdown(wait=False)

    def _run(self, future: Future[Result], work: Callable[[IsWanted], Result]) -> None:
        # The future is never set running: it can be canceled and expire while work goes on.
        if future.done():
            return
        try:
            result = work(lambda: not future.done())
        except Exception as error:
            with suppress(InvalidStateError):
                future.set_exception(as_reported(error, traceback.format_exc()))
        else:
            with suppress(InvalidStateError):
                future.set_result(result)

    def _snapshot(self) -> list[Future[Any]]:
        with self._lock:
            return list(self._unfinished)

    def _forget(self, future: Future[Any]) -> None:
        with self._lock:
            self._unfinished.discard(future)

    def _count_answered(self) -> None:
        with self._lock:
            self._asked -= 1


def _expire(future: Future[Result], timeout_s: float) -> None:
    def fail() -> None:
        with suppress(InvalidStateError):
            future.set_exception(DeadlineError(f"{timeout_s:.3f} s passed"))

    if timeout_s <= 0:
        fail()
        return
    timer = threading.Timer(timeout_s, fail)
    timer.daemon = True
    future.add_done_callback(lambda _: timer.cancel())
    timer.start()

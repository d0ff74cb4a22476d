"""The thread that segments and follows: work that needs pixels and time, away from the executor."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pixelrefer_ros.engine.expiry import expire_after
from pixelrefer_ros.engine.failures import as_reported
from pixelrefer_ros.engine.thread_priority import stand_back
from pixelrefer_ros.engine.turns import Turns
from pixelrefer_ros.errors import BusyError, DeadlineError, NotActiveError

Result = TypeVar("Result")

IsWanted = Callable[[], bool]
"""False once the work was canceled or its deadline has passed."""

Work = Callable[[IsWanted], Result]
"""May ask now and then whether it is still wanted."""


@dataclass(eq=False)
class _Piece:
    """Work on its way. Its future is never set running: it can be canceled and expire meanwhile."""

    work: Work[Any]
    client: str
    is_asked: bool
    future: Future[Any] = field(default_factory=Future)

    def is_wanted(self) -> bool:
        return not self.future.done()

    def fail(self, error: BaseException) -> None:
        with suppress(InvalidStateError):
            self.future.set_exception(error)

    def run(self) -> None:
        try:
            result = self.work(self.is_wanted)
        except Exception as error:
            self.fail(as_reported(error, traceback.format_exc()))
        else:
            with suppress(InvalidStateError):
                self.future.set_result(result)


class RegionThread:
    """Does one piece of work at a time; clients take turns, at most `capacity` questions wait.

    One thread, because a segmenter on a GPU is one and the same for all who ask. When it is full, a
    question of a client that has fewer waiting pushes out the last one of the client that has most.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._pool = ThreadPoolExecutor(
            max_workers=1, thread_name_prefix="regions", initializer=stand_back
        )
        self._lock = threading.Lock()
        self._waiting: Turns[_Piece] = Turns()
        self._unfinished: set[Future[Any]] = set()
        self._closed = False

    def change_capacity(self, capacity: int) -> None:
        """Let so many questions wait from now on; those that wait already stay."""
        with self._lock:
            self._capacity = capacity

    def ask(self, work: Work[Result], *, timeout_s: float, client: str = "") -> Future[Result]:
        """Queue the work of a question and return at once.

        After `timeout_s` the future fails with `DeadlineError`, whatever the thread is doing; with
        `BusyError` where another client's question takes its place. Raises `BusyError` when too
        many wait, and what `submit` raises.
        """
        piece = _Piece(work, client, is_asked=True)
        pushed_out = self._put(piece)
        if pushed_out is not None:
            pushed_out.fail(
                BusyError(
                    f"at most {self._capacity} requests wait for their regions, most of them of "
                    "this client, and another one asks"
                )
            )
        error = DeadlineError(f"{timeout_s:.3f} s passed")
        expire_after(timeout_s, piece.future, piece.fail, error)
        return piece.future

    def submit(self, work: Work[Result]) -> Future[Result]:
        """Queue work of the node itself and return at once; each piece has a turn of its own.

        The future can be canceled at any time; failures become typed errors. Raises
        `NotActiveError` when closed.
        """
        piece = _Piece(work, f"node {id(work)}", is_asked=False)
        self._put(piece)
        return piece.future

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

    def _put(self, piece: _Piece) -> _Piece | None:
        """Add a piece; return the one that has to leave for it."""
        pushed_out = None
        with self._lock:
            if self._closed:
                raise NotActiveError("the node is not active; configure and activate it first")
            self._waiting.keep(_Piece.is_wanted)
            asked = sum(waiting.is_asked for waiting in self._waiting)
            if piece.is_asked and asked >= self._capacity:
                pushed_out = self._waiting.make_room(piece.client)
                if pushed_out is None:
                    raise BusyError(
                        f"{asked} requests wait for their regions, at most {self._capacity} may"
                    )
            self._waiting.append(piece)
            self._unfinished.add(piece.future)
            self._pool.submit(self._run_next)
        # Not with the piece: what is called back would keep its pictures beyond its end.
        piece.future.add_done_callback(self._forget)
        return pushed_out

    def _run_next(self) -> None:
        """Do what is next; there is nothing where what was put in is not wanted any more."""
        with self._lock:
            self._waiting.keep(_Piece.is_wanted)
            piece = self._waiting.popleft() if len(self._waiting) else None
        if piece is not None:
            piece.run()

    def _snapshot(self) -> list[Future[Any]]:
        with self._lock:
            return list(self._unfinished)

    def _forget(self, future: Future[Any]) -> None:
        with self._lock:
            self._unfinished.discard(future)

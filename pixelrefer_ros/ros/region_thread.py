"""The thread that segments and follows: work that needs pixels and time, away from the executor."""

from __future__ import annotations

import logging
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pixelrefer_ros.engine.expiry import expire_after
from pixelrefer_ros.engine.failures import as_reported
from pixelrefer_ros.engine.pending import OnProgress, Pending, Stage
from pixelrefer_ros.engine.thread_priority import stand_back
from pixelrefer_ros.engine.turns import Turns
from pixelrefer_ros.engine.watchdog import Watchdog
from pixelrefer_ros.errors import BusyError, DeadlineError, InferenceError, NotActiveError

Result = TypeVar("Result")

IsWanted = Callable[[], bool]
"""False once the work was canceled or its deadline has passed. To ask is a sign of life."""

Work = Callable[[IsWanted], Result]
"""May ask now and then whether it is still wanted."""

logger = logging.getLogger(__name__)


@dataclass(eq=False)
class _Piece:
    """Work on its way. Its future is never set running: it can be canceled and expire meanwhile."""

    work: Work[Any]
    client: str
    is_asked: bool
    on_progress: OnProgress | None = None
    future: Pending[Any] = field(default_factory=Pending)

    def is_wanted(self) -> bool:
        return not self.future.done()

    def advance(self, stage: Stage, ahead: int = 0) -> None:
        self.future.advance(stage, ahead, self.on_progress)

    def fail(self, error: BaseException) -> None:
        with suppress(InvalidStateError):
            self.future.set_exception(error)

    def run(self, is_wanted: IsWanted) -> None:
        try:
            result = self.work(is_wanted)
        except Exception as error:
            self.fail(as_reported(error, traceback.format_exc()))
        else:
            with suppress(InvalidStateError):
                self.future.set_result(result)


class RegionThread:
    """Does one piece of work at a time; clients take turns, at most `capacity` questions wait.

    One thread, because a segmenter on a GPU is one and the same for all who ask. When it is full, a
    question of a client that has fewer waiting pushes out the last one of the client that has most.
    Work that gives no sign of life for `watchdog` seconds (0: however long) is a failure for good:
    see `failure`.
    """

    def __init__(self, capacity: int, *, watchdog: float = 0.0) -> None:
        self._capacity = capacity
        self._changed = threading.Condition()
        self._waiting: Turns[_Piece] = Turns()
        self._unfinished: set[Future[Any]] = set()
        self._refusal: NotActiveError | InferenceError | None = None
        self._watchdog = Watchdog(watchdog, self._on_hang)
        # A daemon: work that hangs must not keep the process from ending.
        threading.Thread(target=self._run, name="regions", daemon=True).start()

    @property
    def failure(self) -> str:
        """Why nothing is found or followed any more, with the cure; empty while all is well."""
        return str(self._refusal) if isinstance(self._refusal, InferenceError) else ""

    @property
    def waiting(self) -> int:
        """Number of questions that wait, without the work of the node itself."""
        with self._changed:
            self._waiting.keep(_Piece.is_wanted)
            return self._count_asked()

    def change_capacity(self, capacity: int) -> None:
        """Let so many questions wait from now on; those that wait already stay."""
        with self._changed:
            self._capacity = capacity

    def ask(
        self,
        work: Work[Result],
        *,
        timeout_s: float,
        client: str = "",
        on_progress: OnProgress | None = None,
    ) -> Pending[Result]:
        """Queue the work of a question and return at once.

        After `timeout_s` the future fails with `DeadlineError`, whatever the thread is doing; with
        `BusyError` where another client's question takes its place. It is WAITING, then PREPARING.
        Raises `BusyError` when too many wait, and what `submit` raises.
        """
        piece = _Piece(work, client, is_asked=True, on_progress=on_progress)
        error = DeadlineError(f"{timeout_s:.3f} s passed")
        if timeout_s <= 0:  # too late to take the place of another
            piece.fail(error)
            return piece.future
        pushed_out = self._put(piece)
        if pushed_out is not None:
            pushed_out.fail(
                BusyError(
                    f"at most {self._capacity} requests wait for their regions, most of them of "
                    "this client, and another one asks"
                )
            )
        expire_after(timeout_s, piece.future, piece.fail, error)
        return piece.future

    def submit(self, work: Work[Result]) -> Pending[Result]:
        """Queue work of the node itself and return at once; each piece has a turn of its own.

        The future can be canceled at any time; failures become typed errors. Raises
        `NotActiveError` when closed, `InferenceError` after a failure for good.
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
        self._refuse(NotActiveError("the node was stopped before the answer came"))
        self._watchdog.close()

    def _put(self, piece: _Piece) -> _Piece | None:
        """Add a piece; return the one that has to leave for it."""
        pushed_out = None
        with self._changed:
            if isinstance(self._refusal, InferenceError):
                raise InferenceError(str(self._refusal))
            if self._refusal is not None:
                raise NotActiveError("the node is not active; configure and activate it first")
            self._waiting.keep(_Piece.is_wanted)
            asked = self._count_asked()
            if piece.is_asked and asked >= self._capacity:
                pushed_out = self._waiting.make_room(piece.client)
                if pushed_out is None:
                    raise BusyError(
                        f"{asked} requests wait for their regions, at most {self._capacity} may"
                    )
            self._waiting.append(piece)
            self._unfinished.add(piece.future)
            self._tell_places()
            self._changed.notify()
        # Not with the piece: what is called back would keep its pictures beyond its end.
        piece.future.add_done_callback(self._forget)
        return pushed_out

    def _run(self) -> None:
        stand_back()
        while (piece := self._take()) is not None:
            with self._watchdog.watch("finding or following regions"):
                piece.run(self._with_sign_of_life(piece.is_wanted))
            del piece  # and its pictures, while nothing is to do

    def _take(self) -> _Piece | None:
        """Wait for what is next; None once it is closed."""
        with self._changed:
            while self._refusal is None:
                self._waiting.keep(_Piece.is_wanted)
                if len(self._waiting):
                    piece = self._waiting.take()
                    piece.advance(Stage.PREPARING)
                    self._tell_places()
                    return piece
                self._changed.wait()
        return None

    def _with_sign_of_life(self, is_wanted: IsWanted) -> IsWanted:
        def ask() -> bool:
            self._watchdog.restart()
            return is_wanted()

        return ask

    def _tell_places(self) -> None:
        for ahead, piece in enumerate(list(self._waiting)):
            piece.advance(Stage.WAITING, ahead)

    def _count_asked(self) -> int:
        return sum(piece.is_asked for piece in self._waiting)

    def _on_hang(self, what: str, limit_s: float) -> None:
        error = InferenceError(
            f"{what} hangs: no step has ended within {limit_s:g} s (request.watchdog); clean up "
            "and configure the node to start anew"
        )
        logger.error("%s", error)
        self._refuse(error)

    def _refuse(self, error: NotActiveError | InferenceError) -> None:
        """Take nothing any more, and fail what is not done."""
        with self._changed:
            self._refusal = self._refusal or error
            self._waiting.clear()
            self._changed.notify_all()
        for future in self._snapshot():
            with suppress(InvalidStateError):
                future.set_exception(type(error)(str(error)))

    def _snapshot(self) -> list[Future[Any]]:
        with self._changed:
            return list(self._unfinished)

    def _forget(self, future: Future[Any]) -> None:
        with self._changed:
            self._unfinished.discard(future)

"""The answers to come, and how far they are."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from enum import IntEnum
from typing import TypeVar

from pixelrefer_ros.engine.query import Answer
from pixelrefer_ros.errors import InferenceError

Result = TypeVar("Result")

OnProgress = Callable[[], None]
"""Called when `stage` or `ahead` of what is pending changed, from whichever thread did it."""


class Stage(IntEnum):
    """Where a request is; the numbers of `stage` in `action/DescribeRegion.action`."""

    WAITING = 0
    PREPARING = 1
    ENCODING = 2
    GENERATING = 3


class Pending(Future[Result]):
    """A future that also tells how far it is. Everything can be read from any thread.

    `ahead` counts those that wait and whose turn comes before; 0 once it is taken.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stage = Stage.WAITING
        self.ahead = 0

    def set_exception(self, exception: BaseException | None) -> None:
        """Fail it; the traceback, which keeps the pictures of those it passed, is left behind."""
        super().set_exception(exception and exception.with_traceback(None))

    def advance(self, stage: Stage, ahead: int, on_progress: OnProgress | None) -> None:
        """Take note how far it is and tell, if that is new; a listener that raises fails it."""
        if (self.stage, self.ahead) == (stage, ahead):
            return
        self.stage, self.ahead = stage, ahead
        if on_progress is not None:
            try:
                on_progress()
            except Exception as error:
                failure = InferenceError(f"on_progress raised {type(error).__name__}: {error}")
                with suppress(InvalidStateError):
                    self.set_exception(failure)


class PendingAnswers(Pending[list[Answer]]):
    """The answers to come.

    `so_far()` returns them as they stand, truncated: none before the first word, none any more
    once the future is settled.
    """

    def __init__(self) -> None:
        super().__init__()
        self.so_far: Callable[[], list[Answer]] = list

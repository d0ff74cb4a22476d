"""The answers to come, and how far they are."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from enum import IntEnum
from typing import TypeVar

from pixelrefer_ros.engine.query import Answer

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

    def advance(self, stage: Stage, ahead: int = 0) -> bool:
        """Take note how far it is; return whether that is new."""
        is_new = (self.stage, self.ahead) != (stage, ahead)
        self.stage, self.ahead = stage, ahead
        return is_new


class PendingAnswers(Pending[list[Answer]]):
    """The answers to come.

    `so_far()` returns them as they stand, truncated: none before the first word, none any more
    once the future is settled.
    """

    def __init__(self) -> None:
        super().__init__()
        self.so_far: Callable[[], list[Answer]] = list

"""The answers to come, and how far they are."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from enum import IntEnum

from pixelrefer_ros.engine.query import Answer


class Stage(IntEnum):
    """Where a request is; the numbers of `stage` in `action/DescribeRegion.action`."""

    WAITING = 0
    PREPARING = 1
    ENCODING = 2
    GENERATING = 3


class PendingAnswers(Future[list[Answer]]):
    """A future that also tells how far the request is. Everything can be read from any thread.

    `ahead` counts the requests that wait and whose turn comes before; 0 once it is taken.
    `so_far()` returns the answers as they stand, truncated: none before the first word, none any
    more once the future is settled.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stage = Stage.WAITING
        self.ahead = 0
        self.so_far: Callable[[], list[Answer]] = list

"""How the engine fared of late: stages, batches and failures over a sliding window."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pixelrefer_ros.engine.query import Answer, Timing
from pixelrefer_ros.errors import ErrorCode

WINDOW_S = 60.0
MOST_REQUESTS = 1024
"""The window holds no more than so many requests, the latest."""


class Percentiles(NamedTuple):
    """Of the requests in the window, seconds."""

    p50_s: float
    p95_s: float


@dataclass(frozen=True)
class Summary:
    """What the window holds.

    answered: requests; results: how many there were of each code, `NONE` among them.
    stages: by the name of a field of `Timing` without its `_s`, and `total`; empty without answers.
        `find` comes before them, of the requests whose regions had to be found or followed.
    tokens_per_s: new tokens of all answers in a second of decoding; batch_size: answers decoded
        together, the mean over steps. None when nothing was decoded.
    """

    window_s: float
    answered: int = 0
    results: Counter[ErrorCode] = field(default_factory=Counter)
    stages: dict[str, Percentiles] = field(default_factory=dict)
    tokens_per_s: float | None = None
    batch_size: float | None = None


@dataclass
class _Second:
    """The decoding steps of one second: what there is most of is added up."""

    second: int
    steps: int = 0
    rows: int = 0
    seconds: float = 0.0


class Measurements:
    """Counts what happens in the engine, for `WINDOW_S`; bounded, safe under threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._findings: deque[tuple[float, float]] = deque(maxlen=MOST_REQUESTS)
        self._timings: deque[tuple[float, Timing]] = deque(maxlen=MOST_REQUESTS)
        self._results: deque[tuple[float, ErrorCode]] = deque(maxlen=MOST_REQUESTS)
        self._steps: deque[_Second] = deque(maxlen=round(WINDOW_S))

    def count_step(self, rows: int, seconds: float) -> None:
        """One token was chosen for each of `rows` answers, in `seconds`."""
        now = int(self._clock())
        with self._lock:
            if not self._steps or self._steps[-1].second != now:
                self._steps.append(_Second(now))
            latest = self._steps[-1]
            latest.steps += 1
            latest.rows += rows
            latest.seconds += seconds

    def count_finding(self, seconds: float) -> None:
        """The regions of a request were found or followed, in `seconds`."""
        with self._lock:
            self._findings.append((self._clock(), seconds))

    def count_answers(self, answers: Sequence[Answer]) -> None:
        """A request was answered."""
        with self._lock:
            self._timings.append((self._clock(), answers[0].timing))

    def count_result(self, code: ErrorCode) -> None:
        """Somebody was told a result."""
        with self._lock:
            self._results.append((self._clock(), code))

    def summary(self) -> Summary:
        """Put the window into numbers."""
        start = self._clock() - WINDOW_S
        with self._lock:
            findings = [seconds for when, seconds in self._findings if when >= start]
            timings = [timing for when, timing in self._timings if when >= start]
            results = Counter(code for when, code in self._results if when >= start)
            steps = [second for second in self._steps if second.second >= start]
            count = sum(second.steps for second in steps)
            rows = sum(second.rows for second in steps)
            seconds = sum(second.seconds for second in steps)
        return Summary(
            window_s=WINDOW_S,
            answered=len(timings),
            results=results,
            stages=_find_stage(findings) | _stages(timings),
            tokens_per_s=rows / seconds if seconds else None,
            batch_size=rows / count if count else None,
        )


def _find_stage(findings: Sequence[float]) -> dict[str, Percentiles]:
    return {"find": _percentiles(findings)} if findings else {}


def _stages(timings: Sequence[Timing]) -> dict[str, Percentiles]:
    if not timings:
        return {}
    names = [each.name for each in fields(Timing)]
    table = np.array([[getattr(timing, name) for name in names] for timing in timings])
    columns = {name.removesuffix("_s"): table[:, index] for index, name in enumerate(names)}
    columns["total"] = table.sum(axis=1)
    return {name: _percentiles(column) for name, column in columns.items()}


def _percentiles(seconds: Sequence[float] | NDArray[np.float64]) -> Percentiles:
    return Percentiles(*map(float, np.percentile(seconds, (50, 95))))

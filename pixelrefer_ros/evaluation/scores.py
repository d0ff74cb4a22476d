"""Counts of right and wrong answers, and the form in which they are written."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pixelrefer_ros.evaluation.items import Item
from pixelrefer_ros.evaluation.judging import Verdict

SMALL_REGION = 2000
"""Pixels below which a region is small, as in Fig. 12 of the paper."""

MISTAKES_LISTED = 5


@dataclass
class Share:
    """How many of `n` answers are right."""

    right: int = 0
    n: int = 0

    def add(self, is_right: bool) -> None:
        """Count one more."""
        self.right += is_right
        self.n += 1

    @property
    def accuracy(self) -> float | None:
        """Share of right answers, 0 to 1; None without answers."""
        return self.right / self.n if self.n else None

    def to_dict(self) -> dict[str, Any]:
        """Return accuracy and number of answers."""
        return {"accuracy": self.accuracy, "n": self.n}


@dataclass
class TaskShare(Share):
    """How many answers to a task are right; `by_expected` tells the expected ones apart."""

    by_expected: defaultdict[str, Share] = field(default_factory=lambda: defaultdict(Share))


class Table:
    """How many answers are right, task by task."""

    def __init__(self, tasks: Sequence[str]) -> None:
        self.shares = {task: TaskShare() for task in tasks}

    def add(self, item: Item, is_right: bool) -> None:
        """Count an answer."""
        share = self.shares[item.task]
        share.add(is_right)
        share.by_expected[item.expected].add(is_right)

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """Return accuracy and number of each task, for yes_no those of both answers as well."""
        rows = {task: share.to_dict() for task, share in self.shares.items()}
        if "yes_no" in rows:
            answers = self.shares["yes_no"].by_expected
            rows["yes_no"] |= {answer: answers[answer].to_dict() for answer in ("yes", "no")}
        return rows


class Evaluation:
    """How a model did on a data set.

    dtype: of its weights, such as `float32` or, with quantised ones, `float32+int8`.
    table: all answers; small_regions: those to questions about a region below 2000 pixels.
    mistakes: of each task, how often (what was expected, what was said instead).
    left_out: questions that could not be asked.
    """

    def __init__(self, model: str, dtype: str, data: str, tasks: Sequence[str]) -> None:
        self.model = model
        self.dtype = dtype
        self.data = data
        self.table = Table(tasks)
        self.small_regions = Table(tasks)
        self.mistakes: dict[str, Counter[tuple[str, str]]] = {task: Counter() for task in tasks}
        self.left_out = 0
        self.seconds = 0.0
        self._regions: set[str] = set()

    def add(self, item: Item, verdict: Verdict) -> None:
        """Count an answer."""
        self.table.add(item, verdict.is_right)
        if item.smallest_area < SMALL_REGION:
            self.small_regions.add(item, verdict.is_right)
        if not verdict.is_right:
            self.mistakes[item.task][item.expected, verdict.said] += 1
        self._regions.update(item.regions)

    @property
    def regions(self) -> int:
        """How many different regions were asked about."""
        return len(self._regions)

    def to_dict(self) -> dict[str, Any]:
        """Return the form `pixelrefer evaluate --json` prints."""
        return {
            "model": self.model,
            "dtype": self.dtype,
            "data": self.data,
            "regions": self.regions,
            "left_out": self.left_out,
            "seconds": round(self.seconds, 1),
            **self.table.to_dict(),
            "small_regions": self.small_regions.to_dict(),
            "mistakes": {
                task: [
                    {"expected": expected, "said": said, "count": count}
                    for (expected, said), count in found.most_common(MISTAKES_LISTED)
                ]
                for task, found in self.mistakes.items()
            },
        }

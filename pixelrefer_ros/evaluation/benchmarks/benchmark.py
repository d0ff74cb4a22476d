"""What makes a benchmark, and how its questions are read."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pixelrefer_ros.errors import DatasetError
from pixelrefer_ros.evaluation.benchmarks.entries import Entry
from pixelrefer_ros.evaluation.benchmarks.question import Question

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Benchmark:
    """A benchmark.

    name: what the command line calls it.
    title: what papers call it.
    entries: reads an annotation file.
    questions: makes the questions of an entry, about pictures below a folder, in the words for the
        framework (true: PixelRefer-Lite). Raises `DatasetError` naming entry and field.
    metrics: of each task, in the order of the paper.
    max_new_tokens: length of an answer.
    beside: names of further files, which `entries` reads from the folder of the annotation file.
    """

    name: str
    title: str
    entries: Callable[[Path], Iterable[Entry | DatasetError]]
    questions: Callable[[Entry, Path, bool], Iterator[Question]]
    metrics: Mapping[str, tuple[str, ...]]
    max_new_tokens: int
    beside: tuple[str, ...] = ()

    def files(self, annotations: Path) -> list[Path]:
        """Return all files that `entries` reads, of those that are there."""
        named = [annotations, *map(annotations.with_name, self.beside)]
        return [file for file in named if file.is_file()]


@dataclass
class Reading:
    """The questions of a benchmark, and how many entries or questions were of no use."""

    questions: list[Question] = field(default_factory=list)
    left_out: int = 0


def read_benchmark(
    benchmark: Benchmark, annotations: Path, images: Path, *, is_lite: bool, limit: int | None
) -> Reading:
    """Read the questions; what is broken is named in the log, counted and left out.

    limit: at most so many questions of each task, drawn from the whole file, always the same.
    Raises `DatasetError` if the file is of no use or nothing is left.
    """
    reading = Reading()
    seen: set[str] = set()

    def leave_out(reason: object) -> None:
        logger.warning("left out %s", reason)
        reading.left_out += 1

    for entry in benchmark.entries(annotations):
        if isinstance(entry, DatasetError):
            leave_out(entry)
            continue
        try:
            for question in benchmark.questions(entry, images, is_lite):
                if question.id in seen:
                    leave_out(f"{entry.name}: the id '{question.id}' was there before")
                    continue
                seen.add(question.id)
                reading.questions.append(question)
        except DatasetError as error:
            leave_out(error)
    if not reading.questions:
        raise DatasetError(f"{annotations}: no question in {reading.left_out} entries")
    reading.questions = _draw(reading.questions, limit)
    return reading


def _draw(questions: Sequence[Question], limit: int | None) -> list[Question]:
    lots = random.Random(0)
    drawn: list[int] = []
    for task in dict.fromkeys(question.task for question in questions):
        numbers = [k for k, question in enumerate(questions) if question.task == task]
        drawn += numbers if limit is None else lots.sample(numbers, min(limit, len(numbers)))
    return [questions[k] for k in sorted(drawn)]

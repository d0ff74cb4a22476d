"""Ask all questions of a benchmark, go on where it was stopped, and count."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from pixelrefer_ros.evaluation.benchmarks.answering import Outcome
from pixelrefer_ros.evaluation.benchmarks.benchmark import Benchmark
from pixelrefer_ros.evaluation.benchmarks.question import Question
from pixelrefer_ros.evaluation.benchmarks.results import Results
from pixelrefer_ros.evaluation.metrics import MetricReport, Scored, score

logger = logging.getLogger(__name__)

Progress = Callable[[int, int], None]
"""Called with how many questions are done, and how many there are."""


class Answerer(Protocol):
    """Answers questions: `answering.answer` with a describer, or `RayAnswering.answer`."""

    def __call__(
        self, questions: Sequence[Question], *, max_new_tokens: int, blind: bool = False
    ) -> Iterator[Outcome]:
        """Yield what comes of each question, in any order."""


@dataclass
class Scores:
    """What a set of answers scores, task by task, and how many questions were of no use."""

    reports: dict[str, MetricReport] = field(default_factory=dict)
    left_out: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return values, counts, types and what could not be computed, for each task."""
        return {
            task: {
                name: value
                for name, value in report.to_dict().items()
                if name in ("values", "counts", "by_type", "left_out")
            }
            for task, report in self.reports.items()
        }


def run(
    benchmark: Benchmark,
    questions: Sequence[Question],
    answer: Answerer,
    path: Path,
    *,
    blind: bool = False,
    progress: Progress | None = None,
) -> Scores:
    """Answer what is not in the file `path` yet, and score everything.

    blind: pictures are grey all over. Raises what the model raises; what was answered is kept.
    """
    by_id = {question.id: question for question in questions}
    left_out = 0
    with Results(path) as results:
        missing = [question for question in questions if question.id not in results.predictions]
        done = len(questions) - len(missing)
        for outcome in answer(missing, max_new_tokens=benchmark.max_new_tokens, blind=blind):
            if outcome.left_out:
                logger.warning("left out %s", outcome.left_out)
                left_out += 1
            else:
                results.add(by_id[outcome.id], outcome.prediction)
            done += 1
            if progress is not None:
                progress(done, len(questions))
        results.finish(questions)
        found = count(benchmark, questions, results.scored(questions))
    found.left_out = left_out
    return found


def count_guesses(
    benchmark: Benchmark, questions: Sequence[Question], guesses: Mapping[str, str]
) -> Scores:
    """Score answers that no model gave, by the id of the question."""
    said = [replace(q.expected, prediction=guesses[q.id]) for q in questions]
    return count(benchmark, questions, said)


def count(benchmark: Benchmark, questions: Sequence[Question], answers: Sequence[Scored]) -> Scores:
    """Score answers, each task by its own metrics."""
    tasks = {question.id: question.task for question in questions}
    return Scores(
        {
            task: score([item for item in answers if tasks[item.id] == task], metrics)
            for task, metrics in benchmark.metrics.items()
            if any(tasks[item.id] == task for item in answers)
        }
    )

"""How good the answers are, by whatever the queries know of the right ones."""

from __future__ import annotations

from collections.abc import Sequence

from pixelrefer_ros.evaluation.metrics import MetricReport, Scored, applicable, score
from pixelrefer_ros.replay.queries import ReplayQuery
from pixelrefer_ros.replay.results import Result


def to_scored(answers: Sequence[tuple[ReplayQuery, Result]]) -> list[Scored]:
    """Return what metrics look at, of each query that got the one answer it expects."""
    return [
        Scored(
            id=query.id,
            prediction=result.answers[0].text,
            references=query.references,
            category=query.category,
            choices=query.choices,
            answer=query.answer,
            positive=query.positive,
            negative=query.negative,
            question=query.prompt,
        )
        for query, result in answers
        if not result.error and query.answer_count == 1
    ]


def score_answers(items: Sequence[Scored], metrics: Sequence[str] | None = None) -> MetricReport:
    """Score answers; `metrics` None means all that apply and need no judge.

    Raises `MetricError` for an unknown metric.
    """
    return score(items, applicable(items) if metrics is None else metrics)

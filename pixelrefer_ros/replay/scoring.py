"""How good the answers are, by whatever the queries know of the right ones."""

from __future__ import annotations

from collections.abc import Sequence

from pixelrefer_ros.evaluation.metrics import MetricReport, Scored, applicable, score
from pixelrefer_ros.replay.queries import ReplayQuery
from pixelrefer_ros.replay.results import Result


def score_answers(
    answers: Sequence[tuple[ReplayQuery, Result]], metrics: Sequence[str] | None = None
) -> MetricReport:
    """Score the queries that were answered; `metrics` None means all that apply.

    Raises `MetricError` for an unknown metric.
    """
    items = [
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
    return score(items, applicable(items) if metrics is None else metrics)

"""Ferret-Bench's reasoning about regions: the mark of an answer, relative to that of the reference.

After https://arxiv.org/abs/2310.07704, which marks like LLaVA (https://arxiv.org/abs/2304.08485):
both answers get 1 to 10, the value is the sum of one over the sum of the other. The prompt is our
own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pixelrefer_ros.evaluation.metrics.judged.judged_metric import JudgedMetric, Marks
from pixelrefer_ros.evaluation.metrics.judged.replies import number
from pixelrefer_ros.evaluation.metrics.scored import Scored

NAME = "ferret_reasoning"


class FerretBench(JudgedMetric):
    """1 is as good as the reference; above 1 is better."""

    names = (NAME,)
    needs = "question and references"
    task = (
        "You mark two answers to a question about a region of a picture. `context`, where it is "
        "given, tells what is in the picture. Mark each answer by itself from 1 to 10 for being "
        "right, to the point, as exact as the question asks, and for sound reasoning. Do not "
        "prefer the first, or the longer one."
    )
    form = '{"reason": "one short sentence", "first": 1 to 10, "second": 1 to 10}'

    def applies(self, item: Scored) -> bool:
        """Tell whether question and reference are known."""
        return bool(item.question.strip() and item.references and item.references[0].strip())

    def material(self, item: Scored) -> dict[str, Any]:
        """Return question and answers, the reference first; further references are the context."""
        first, *context = item.references
        return {
            "question": item.question,
            **({"context": context} if context else {}),
            "first": first,
            "second": item.prediction,
        }

    def read(self, reply: Mapping[str, Any], item: Scored) -> Marks:
        """Return both marks, and what one is of the other."""
        reference, answer = number(reply, "first", 1, 10), number(reply, "second", 1, 10)
        return {"reference": reference, "answer": answer, NAME: answer / reference}

    def total(self, name: str, marks: Sequence[Marks]) -> float | None:
        """Return the sum of one kind of marks over that of the other."""
        if not marks:
            return None
        return sum(found["answer"] for found in marks) / sum(found["reference"] for found in marks)

"""How many short answers say what is expected, and nothing else.

The words are compared as `pixelrefer evaluate` does (`evaluation/judging.py`); the other possible
answers are those to the other questions of the same type.
"""

from __future__ import annotations

from collections.abc import Sequence

from pixelrefer_ros.evaluation.judging import Judge
from pixelrefer_ros.evaluation.metrics.metric import Measured, Metric
from pixelrefer_ros.evaluation.metrics.scored import Scored


class AnswerAccuracy(Metric):
    """1 for an answer that is right in one of the forms among the references, else 0."""

    names = ("answer_accuracy",)
    needs = "answer, references and question_type, without choices"

    def applies(self, item: Scored) -> bool:
        """Tell whether a short answer is known."""
        return bool(item.answer and item.references and item.question_type and not item.choices)

    def measure(self, items: Sequence[Scored]) -> dict[str, Measured]:
        """Compare the words."""
        judges = {
            kind: Judge(kind, dict.fromkeys(_forms(i) for i in items if i.question_type == kind))
            for kind in {item.question_type for item in items}
        }
        verdicts = [
            judges[item.question_type].judge(item.prediction, _forms(item)) for item in items
        ]
        return {"answer_accuracy": Measured([float(verdict.is_right) for verdict in verdicts])}


def _forms(item: Scored) -> tuple[str, ...]:
    """Return the answer and all other forms in which it is right."""
    return tuple(dict.fromkeys([item.answer, *item.references]))

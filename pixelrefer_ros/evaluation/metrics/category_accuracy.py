"""How many answers name the expected category, and no other.

The words are compared as `pixelrefer evaluate` does (`evaluation/judging.py`); the other names are
the categories of the other items.
"""

from __future__ import annotations

from collections.abc import Sequence

from pixelrefer_ros.evaluation.judging import Judge
from pixelrefer_ros.evaluation.metrics.metric import Measured, Metric
from pixelrefer_ros.evaluation.metrics.names import plain_name
from pixelrefer_ros.evaluation.metrics.scored import Scored


class CategoryAccuracy(Metric):
    """1 for an answer that is right, else 0."""

    names = ("category_accuracy",)
    needs = "category"

    def applies(self, item: Scored) -> bool:
        """Tell whether the category is known."""
        return bool(plain_name(item.category))

    def measure(self, items: Sequence[Scored]) -> dict[str, Measured]:
        """Compare the words."""
        expected = [plain_name(item.category) for item in items]
        judge = Judge("category", [(name,) for name in dict.fromkeys(expected)])
        verdicts = [
            judge.judge(item.prediction, (name,))
            for item, name in zip(items, expected, strict=True)
        ]
        return {"category_accuracy": Measured([float(verdict.is_right) for verdict in verdicts])}

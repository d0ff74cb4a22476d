"""SIoU: how many words a name and the true name share, of all that are in either.

As Osprey (https://arxiv.org/abs/2312.10032) evaluates open-vocabulary names on LVIS and PACO: words
are compared whole, `cutting board` and `board` share one of two.
"""

from __future__ import annotations

from collections.abc import Sequence

from pixelrefer_ros.evaluation.metrics.metric import Measured, Metric
from pixelrefer_ros.evaluation.metrics.names import plain_name, true_names
from pixelrefer_ros.evaluation.metrics.scored import Scored


class SemanticIou(Metric):
    """Of several references the nearest counts."""

    names = ("siou",)
    needs = "category or references"

    def applies(self, item: Scored) -> bool:
        """Tell whether a true name is known."""
        return bool(true_names(item))

    def measure(self, items: Sequence[Scored]) -> dict[str, Measured]:
        """Compare the words."""
        return {
            "siou": Measured(
                [
                    max(_iou(plain_name(item.prediction), name) for name in true_names(item))
                    for item in items
                ]
            )
        }


def _iou(said: str, name: str) -> float:
    first, second = set(said.split()), set(name.split())
    return len(first & second) / len(first | second) if first | second else 0.0

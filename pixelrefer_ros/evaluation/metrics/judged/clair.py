"""CLAIR: does a caption tell of the same picture as the references, from 0 to 1.

After https://arxiv.org/abs/2310.12971, with a prompt of our own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pixelrefer_ros.evaluation.metrics.judged.judged_metric import JudgedMetric, Marks
from pixelrefer_ros.evaluation.metrics.judged.replies import number
from pixelrefer_ros.evaluation.metrics.scored import Scored


class Clair(JudgedMetric):
    """The judge gives 0 to 100, which is divided by 100."""

    names = ("clair",)
    needs = "references"
    task = (
        "You compare captions. `candidate` was written by a machine, `references` by people who "
        "saw the picture. How likely is it that the candidate is about the same thing in the same "
        "picture as the references? 100: certainly the same, nothing in it speaks against it. 0: "
        "certainly something else. What the candidate leaves out costs less than what it gets "
        "wrong; wording does not matter."
    )
    form = '{"reason": "one short sentence", "score": 0 to 100}'

    def applies(self, item: Scored) -> bool:
        """Tell whether there is a reference."""
        return any(reference.strip() for reference in item.references)

    def material(self, item: Scored) -> dict[str, Any]:
        """Return caption and references."""
        return {"candidate": item.prediction, "references": item.references}

    def read(self, reply: Mapping[str, Any], item: Scored) -> Marks:
        """Return the score."""
        return {"clair": number(reply, "score", 0, 100) / 100}

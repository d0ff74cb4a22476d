"""VideoRefer-Bench-D: four marks for the description of an object in a video, each from 0 to 5.

After https://arxiv.org/abs/2501.00599, with a prompt of our own. Hallucination too is better the
higher: 5 means that nothing is made up.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pixelrefer_ros.evaluation.metrics.judged.judged_metric import JudgedMetric, Marks
from pixelrefer_ros.evaluation.metrics.judged.replies import number
from pixelrefer_ros.evaluation.metrics.scored import Scored

ASPECTS = {
    "subject": "is it about the same object as the reference, named as exactly?",
    "appearance": "do colour, shape, material, clothing and other looks agree with the reference?",
    "temporal": "do movement, actions and their order agree with the reference?",
    "hallucination": "is it free of things that the reference rules out or gives no ground for? "
    "5 means that nothing is made up, also when little is said.",
}


class VideoReferBench(JudgedMetric):
    """Besides the four marks their mean."""

    names = (*(f"videorefer_{aspect}" for aspect in ASPECTS), "videorefer_average")
    needs = "references"
    task = (
        "You mark the description of one object in a video. `description` was written by a "
        "machine, `reference` by people who saw the video. Give four marks from 0 to 5; 5: as good "
        "as the reference, 3: about half is right, 0: wrong or missing. Halves are allowed.\n"
    ) + "\n".join(f"- {aspect}: {meaning}" for aspect, meaning in ASPECTS.items())
    form = "{" + ", ".join(f'"{aspect}": 0 to 5' for aspect in ASPECTS) + "}"

    def applies(self, item: Scored) -> bool:
        """Tell whether there is a reference."""
        return any(reference.strip() for reference in item.references)

    def material(self, item: Scored) -> dict[str, Any]:
        """Return question, if known, description and reference."""
        asked = {"question": item.question} if item.question else {}
        reference = "\n".join(item.references)
        return {**asked, "description": item.prediction, "reference": reference}

    def read(self, reply: Mapping[str, Any], item: Scored) -> Marks:
        """Return the marks and their mean."""
        marks = {f"videorefer_{aspect}": number(reply, aspect, 0, 5) for aspect in ASPECTS}
        return {**marks, "videorefer_average": sum(marks.values()) / len(marks)}

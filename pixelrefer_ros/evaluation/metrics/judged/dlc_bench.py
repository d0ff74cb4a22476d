"""DLC-Bench: does a description state what is true of a region, and nothing of what is not.

After https://arxiv.org/abs/2504.16072: no reference caption, a judge looks for single attributes.
What is true of the object brings a point where it is stated and costs one where it is contradicted;
of what is not true each part that is not stated counts, but nothing does when the description is of
another object. There the judge picks answers with points of their own; here it says of each
attribute whether it is stated, with a prompt of our own, and is not told which are true.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pixelrefer_ros.evaluation.metrics.judged.judged_metric import JudgedMetric, Marks
from pixelrefer_ros.evaluation.metrics.judged.replies import ReplyError, word
from pixelrefer_ros.evaluation.metrics.scored import Scored

POINTS = {"stated": 1.0, "missing": 0.0, "contradicted": -1.0}


class DlcBench(JudgedMetric):
    """Positive from -1 to 1, negative from 0 to 1; their mean for items that have both."""

    names = ("dlc_positive", "dlc_negative", "dlc_average")
    needs = "positive or negative"
    task = (
        "You read the description of one object in a picture that you do not see. For each "
        "numbered attribute say what the description tells of the object:\n"
        "- stated: it says so, or says something from which it follows\n"
        "- contradicted: it says something that cannot be true at the same time\n"
        "- missing: neither; when in doubt, this\n"
        "What is said of other things does not count. Where `object` is given, say besides whether "
        "the description is of such an object (same) or of something else (other); a more or less "
        "exact name is the same."
    )
    form = (
        '{"object": "same" or "other", only where it is given, '
        '"attributes": {"1": "stated", "contradicted" or "missing", ...}}'
    )

    def applies(self, item: Scored) -> bool:
        """Tell whether any attribute is known."""
        return bool(item.positive or item.negative)

    def material(self, item: Scored) -> dict[str, Any]:
        """Return description and attributes, true and false ones mixed."""
        named = {"object": item.category} if item.category else {}
        return {"description": item.prediction, **named, "attributes": _numbered(item)}

    def read(self, reply: Mapping[str, Any], item: Scored) -> Marks:
        """Return the points for both kinds of attributes."""
        verdicts = reply.get("attributes")
        if not isinstance(verdicts, dict):
            raise ReplyError("'attributes' is missing")
        said = {
            attribute: word(verdicts, number, tuple(POINTS))
            for number, attribute in _numbered(item).items()
        }
        is_other = bool(item.category) and word(reply, "object", ("same", "other")) == "other"
        marks = {}
        if item.positive:
            points = [POINTS[said[attribute]] for attribute in item.positive]
            marks["dlc_positive"] = sum(points) / len(points)
        if item.negative:
            avoided = [said[attribute] != "stated" for attribute in item.negative]
            marks["dlc_negative"] = 0.0 if is_other else sum(avoided) / len(avoided)
        if len(marks) == 2:
            marks["dlc_average"] = sum(marks.values()) / 2
        return marks


def _numbered(item: Scored) -> dict[str, str]:
    """Number the attributes in an order that does not tell which are true."""
    return {
        str(place): attribute
        for place, attribute in enumerate(sorted({*item.positive, *item.negative}), 1)
    }

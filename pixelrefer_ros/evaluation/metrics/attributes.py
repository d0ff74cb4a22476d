"""Precision and recall of attributes, without a judge.

An attribute is stated where its words stand together in the answer and nothing before them in the
same clause denies it. Words are compared whole: `wooden` does not state `wood`. Within a longer
attribute a shorter one is not stated: "light blue" says nothing of `blue` where both are known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from pixelrefer_ros.evaluation.judging import DENYING, Words, words_of
from pixelrefer_ros.evaluation.metrics.metric import Measured, Metric
from pixelrefer_ros.evaluation.metrics.scored import Scored

CLAUSE_END = re.compile(r"[.;,!?\n]|\bbut\b", re.IGNORECASE)
DENIALS = {*DENYING, "without"}


class Attributes(Metric):
    """Over all items: stated positives of all that is stated, and of all positives."""

    names = ("attribute_precision", "attribute_recall")
    needs = "positive or negative"

    def applies(self, item: Scored) -> bool:
        """Tell whether any attribute is known."""
        return bool(item.positive or item.negative)

    def measure(self, items: Sequence[Scored]) -> dict[str, Measured]:
        """Count what is stated; an item without a stated attribute has no precision."""
        precision, recall = [], []
        true_stated = false_stated = all_true = 0
        for item in items:
            stated = set(_stated(item.prediction, [*item.positive, *item.negative]))
            positive, negative = (
                {*map(words_of, found)} for found in (item.positive, item.negative)
            )
            right, wrong = len(stated & positive), len(stated & negative)
            precision.append(_share(right, right + wrong))
            recall.append(_share(right, len(positive)))
            true_stated += right
            false_stated += wrong
            all_true += len(positive)
        return {
            "attribute_precision": Measured(
                precision, value=_share(true_stated, true_stated + false_stated)
            ),
            "attribute_recall": Measured(recall, value=_share(true_stated, all_true)),
        }


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _stated(text: str, attributes: Sequence[str]) -> Iterator[Words]:
    """Yield the attributes that a text states, as words."""
    known = sorted({words_of(attribute) for attribute in attributes} - {()}, key=len, reverse=True)
    # A decimal point ends no clause, and "isn't" denies.
    for clause in CLAUSE_END.split(re.sub(r"(?<=\d)\.(?=\d)", "\0", text)):
        words = words_of(clause.replace("\0", "."))
        place, denied = 0, False
        while place < len(words):
            denied |= words[place] in DENIALS
            found = next((form for form in known if words[place : place + len(form)] == form), None)
            if found is not None and not denied:
                yield found
            place += len(found or (0,))

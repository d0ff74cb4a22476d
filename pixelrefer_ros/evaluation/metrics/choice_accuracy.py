"""Multiple-choice accuracy: how many answers pick the right choice.

A choice is picked by its letter, "B", "(b)", "B. red", "The answer is B", or by its words. Who
picks two, or none, is wrong; an item whose right answer does so has no value. VideoRefer-Bench-Q
counts like this, and tells it by question type.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from string import ascii_uppercase

from pixelrefer_ros.evaluation.judging import Judge, words_of
from pixelrefer_ros.evaluation.metrics.metric import Measured, Metric
from pixelrefer_ros.evaluation.metrics.scored import Scored

OWN_LABEL = re.compile(r"\s*(?:\(([A-Za-z])\)|([A-Za-z])[.):])\s*(?=\S)")
"""The letter a choice may bring: "(A) red", "A. red", "A) red"."""

IN_BRACKETS = re.compile(r"\(([A-Za-z])\)")
LETTER_ALONE = re.compile(r"\s*([A-Za-z])\s*(?:[.):,](?!\s*[B-HJ-Z]\b).*)?", re.DOTALL)
AFTER_WORD = re.compile(
    r"\b(?:answer|option|choice)(?: is)?(?:\s*:\s*(?!a\s+\w)|\s+(?!(?-i:a)\s+\w))([A-Z])\b",
    re.IGNORECASE,
)
"""Within a sentence an article is written small, after a colon it need not be."""

YES_AND_NO = {("yes",), ("no",)}


class ChoiceAccuracy(Metric):
    """1 for an answer that picks the right choice, else 0."""

    names = ("choice_accuracy",)
    needs = "choices and answer"

    def applies(self, item: Scored) -> bool:
        """Tell whether there are choices and one is right."""
        return bool(item.choices and item.answer)

    def measure(self, items: Sequence[Scored]) -> dict[str, Measured]:
        """See what is picked, where it is known which choice is right."""
        right = [picked(item.answer, item.choices) for item in items]
        return {
            "choice_accuracy": Measured(
                [
                    None if place is None else float(picked(item.prediction, item.choices) == place)
                    for item, place in zip(items, right, strict=True)
                ],
                failed={
                    k: f"answer is '{item.answer}', must pick one of {', '.join(item.choices)}"
                    for k, (item, place) in enumerate(zip(items, right, strict=True))
                    if place is None
                },
            )
        }


def picked(text: str, choices: Sequence[str]) -> int | None:
    """Return the place of the choice that a text picks; None if it picks none, or more than one."""
    letters, words = _read(choices)
    said = {match.upper() for match in IN_BRACKETS.findall(text)}
    if alone := LETTER_ALONE.fullmatch(text):
        said.add(alone[1].upper())
    elif after := AFTER_WORD.search(text):
        said.add(after[1].upper())
    if said & {*letters}:
        return letters.index(said.pop()) if len(said) == 1 else None
    # "No, it is not so." denies, and yet is a clear no.
    task = "yes_no" if {*map(words_of, words)} >= YES_AND_NO else "choice"
    judge = Judge(task, [(choice,) for choice in words])
    found = [place for place, choice in enumerate(words) if judge.judge(text, (choice,)).is_right]
    return found[0] if len(found) == 1 else None


def _read(choices: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return letter and words of each choice: its own letter if all have one, else A, B, C."""
    labels = [OWN_LABEL.match(choice) for choice in choices]
    if all(labels):
        found = [label for label in labels if label]
        return (
            [(label[1] or label[2]).upper() for label in found],
            [choice[label.end() :] for choice, label in zip(choices, found, strict=True)],
        )
    return list(ascii_uppercase[: len(choices)]), list(choices)

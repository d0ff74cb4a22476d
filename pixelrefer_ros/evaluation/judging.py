"""Is what a model said the answer that was expected?

Case, punctuation and articles do not count, nor does the sentence around the answer: "It is to the
left of it." says `left`. Words of other answers count: whoever says "left" and "behind" is wrong
twice. What the other answers to a task are is learnt from the data set, so that no list of colours
or categories is needed here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Words = tuple[str, ...]

TASKS = ("colour", "category", "material", "relation", "motion", "yes_no", "part")
"""What is asked unless told otherwise."""

FURTHER_TASKS = (
    "place", "reason", "size", "state", "part_of", "count", "comparison", "choice", "hidden",
    "manner", "start", "appear",
)  # fmt: skip
"""What has answers that can be compared as well."""

ARTICLES = ("a", "an", "the")
JOINING = ("and", "or")
DENYING = ("not", "no", "never", "neither")
VERBS = ("is", "are", "looks", "has")

ATTRIBUTES = ("colour", "material", "size", "state")
"""Tasks about what something is like: "The wine glass is made of wood." says nothing of glass."""

NAMES = ("category", "part", "part_of")
"""Tasks that ask what something is called: of "glass vase" the last word counts."""

BESIDE = {"rolling": ("left", "right")}
"""What may be said beside an answer: what rolls goes to the left or to the right as well."""

LONGEST_QUOTE = 40
"""Characters that are kept of an answer of which nothing can be made."""


@dataclass(frozen=True)
class Verdict:
    """What was made of an answer: whether it is right, and in short what it says."""

    is_right: bool
    said: str


class Judge:
    """Knows the possible answers to one task, and compares what is said with the expected one."""

    def __init__(self, task: str, answers: Iterable[Sequence[str]]) -> None:
        """Learn the possible answers, each as all forms it is accepted in, the shortest first."""
        self._task = task
        self._meanings: dict[Words, str] = {}
        answers = list(answers)
        # A short form is never taken for another answer's other form.
        for short, *_ in answers:
            self._meanings[words_of(short)] = short
        for short, *others in answers:
            for other in others:
                self._meanings.setdefault(words_of(other), short)
        self._longest = max(map(len, self._meanings), default=0)

    def judge(self, text: str, accepted: Sequence[str]) -> Verdict:
        """Compare an answer with the forms in which it is accepted, the shortest first."""
        words = self._claim(words_of(text))
        mentioned, others = self._find(words)
        right = {words_of(form) for form in accepted}
        beside = {words_of(form) for form in BESIDE.get(accepted[0], ())}
        is_right = (
            any(form in right for form in mentioned)
            and all(form in right | beside for form in mentioned)
            and (self._task in ("yes_no", "reason") or not set(others) & {*JOINING, *DENYING})
        )
        return Verdict(is_right, accepted[0] if is_right else self._short(text, mentioned))

    def _claim(self, words: Words) -> Words:
        """Leave away what the answer is about.

        That is "the mug is" before it, and "of a mug" or "one, the red mug" behind.
        """
        verbs = [place for place, word in enumerate(words) if word in VERBS]
        if self._task in ATTRIBUTES and verbs:
            return words[verbs[0] + 1 :]
        if self._task == "part" and "of" in words:
            return words[: words.index("of")]
        if self._task == "comparison" and "one" in words:
            return words[: words.index("one")]
        return words

    def _find(self, words: Words) -> tuple[list[Words], list[str]]:
        """Return the possible answers that are mentioned, and all other words."""
        mentioned: list[Words] = []
        others: list[str] = []
        place, end = 0, -1
        while place < len(words):
            form = self._form_at(words, place)
            if form is None:
                others.append(words[place])
                place += 1
                continue
            if self._task in NAMES and end == place:
                mentioned.pop()
            mentioned.append(form)
            place = end = place + len(form)
        return mentioned, others

    def _form_at(self, words: Words, place: int) -> Words | None:
        """Return the longest possible answer that stands at a place."""
        for length in range(min(self._longest, len(words) - place), 0, -1):
            if words[place : place + length] in self._meanings:
                return words[place : place + length]
        return None

    def _short(self, text: str, mentioned: Sequence[Words]) -> str:
        meanings = list(dict.fromkeys(self._meanings[form] for form in mentioned))
        return meanings[0] if len(meanings) == 1 else " ".join(text.split())[:LONGEST_QUOTE]


def words_of(text: str) -> Words:
    """Return lower-case words and numbers without articles; "(b)" is a word of its own."""
    spelled_out = text.lower().replace("n't", " not").replace("'s", " is")
    words = re.findall(r"\([a-z]\)|\d+\.\d+|\w+", spelled_out)
    return tuple(word for word in words if word not in ARTICLES) or tuple(words)

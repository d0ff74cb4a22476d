"""What somebody would answer who sees no picture: always what is right most often.

A benchmark means something only beside this. The most frequent answer is counted on the benchmark
itself, so no blind guess that is always the same does better.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import chain

from pixelrefer_ros.evaluation.benchmarks.question import Question
from pixelrefer_ros.evaluation.metrics import Scored


def most_frequent(questions: Sequence[Question]) -> dict[str, str]:
    """Return an answer to each question, by its id.

    Questions of one task and type get the same answer: the category, short answer or caption that
    is right most often; of attributes those that are true most often, as many as are true on
    average; of choices the one among them that is right most often.
    """
    groups: dict[tuple[str, str], list[Scored]] = {}
    for question in questions:
        item = question.expected
        groups.setdefault((question.task, item.question_type), []).append(item)
    return dict(chain.from_iterable(_guess(items).items() for items in groups.values()))


def _guess(items: Sequence[Scored]) -> Mapping[str, str]:
    return next(make(items) for applies, make in _GUESSES if applies(items[0]))


def _choices(items: Sequence[Scored]) -> dict[str, str]:
    frequent = Counter(_without_letter(item.answer) for item in items)
    return {
        item.id: max(item.choices, key=lambda choice: frequent[_without_letter(choice)])
        for item in items
    }


def _without_letter(choice: str) -> str:
    """Leave away the "(a)" of a choice: letters are drawn by lot."""
    return choice.partition(") ")[2] or choice


def _attributes(items: Sequence[Scored]) -> dict[str, str]:
    frequent = Counter(chain.from_iterable(item.positive for item in items))
    count = round(frequent.total() / len(items))
    said = ", ".join(attribute for attribute, _ in frequent.most_common(count))
    return dict.fromkeys((item.id for item in items), said)


def _words(value: Callable[[Scored], str]) -> Callable[[Sequence[Scored]], dict[str, str]]:
    def guess(items: Sequence[Scored]) -> dict[str, str]:
        [(said, _)] = Counter(map(value, items)).most_common(1)
        return dict.fromkeys((item.id for item in items), said)

    return guess


_GUESSES: Sequence[
    tuple[Callable[[Scored], object], Callable[[Sequence[Scored]], Mapping[str, str]]]
] = (
    (lambda item: item.choices, _choices),
    (lambda item: item.positive, _attributes),
    (lambda item: item.answer, _words(lambda item: item.answer)),
    (lambda item: item.category, _words(lambda item: item.category)),
    (lambda item: True, _words(lambda item: item.references[0] if item.references else "")),
)

"""The simulator's own wordings are the judge's examples: each is right, and wrong when swapped."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from pixelrefer_ros.evaluation.judging import FURTHER_TASKS, TASKS, Judge, words_of
from pixelrefer_ros.simulation import wording
from pixelrefer_ros.simulation.categories import CATEGORIES
from pixelrefer_ros.simulation.looks import COLOURS, LOOKS
from pixelrefer_ros.simulation.observation import named_parts
from pixelrefer_ros.simulation.scene import draw_thing

PARTS = sorted(
    {
        (name, category.name)
        for category in CATEGORIES.values()
        for name in named_parts(draw_thing(np.random.default_rng(0), category))
    }
)
MEANINGS = {
    "colour": [wording.meanings(name) for name in COLOURS],
    "category": [(category.name, *category.synonyms) for category in CATEGORIES.values()],
    "material": [wording.meanings(name) for name in LOOKS],
    "relation": [wording.meanings(name) for name in wording.PLACES],
    "motion": [wording.meanings(name) for name in wording.MOTIONS],
    "yes_no": [("yes",), ("no",)],
    "part": [wording.meanings(name) for name in dict.fromkeys(name for name, _ in PARTS)],
    "size": [(name,) for name in ("small", "medium", "large")],
    "state": [wording.meanings(name) for name in ("standing", "lying")],
    "part_of": [(category.name, *category.synonyms) for category in CATEGORIES.values()],
    "count": [wording.meanings(name) for name in wording.NUMBERS[1:]],
    "comparison": [("first",), ("second",), ("first", "mug"), ("second", "wine glass")],
    "choice": [
        (f"({letter}) {word}", f"({letter})", letter, word)
        for letter in "abcd"
        for word in (*CATEGORIES, *COLOURS, *LOOKS)
    ],
    "hidden": [wording.meanings("cannot tell"), wording.meanings("hidden", ["mug"])],
    "manner": [wording.meanings(name) for name in ("pushed", "carried")],
    "start": [(f"{tenth / 10:.1f}",) for tenth in range(20)],
    "appear": [(f"{tenth / 10:.1f}",) for tenth in range(20)],
    "reason": [("yes",), ("no",)],
    "place": [
        *((name,) for name in ("top left", "top", "top right", "left", "middle", "bottom right")),
        *(wording.meanings(name) for name in wording.NUMBERS),
    ],
}
SUBJECTS = ("mug", "wine glass", "phone")


def judge_of(task: str) -> Judge:
    return Judge(task, MEANINGS[task])


def sentences(task: str, accepted: tuple[str, ...]) -> Iterator[str]:
    """Word an answer in all ways of the simulator, about several things."""
    expected = accepted[0]
    rows = {
        "yes_no": wording.ANSWERS.get(expected, ()),
        "hidden": wording.ANSWERS["hidden"] + wording.ANSWERS["hidden_part"]
        if expected == "cannot tell"
        else wording.ANSWERS["hidden_start"],
    }
    words = {"answer": expected, "a_answer": wording.with_article(expected), "part": "lid"}
    if task == "choice":
        words |= {"letter": expected[1], "answer": expected[4:]}
    motions = wording.MOTIONS.get(expected, ("",))
    for form in rows.get(task, wording.ANSWERS.get(task, ())):
        for subject in SUBJECTS:
            for motion in motions:
                text = form.format(
                    **words,
                    category=subject,
                    a_category=wording.with_article(expected if task == "part_of" else subject),
                    other="red mug" if task == "hidden" else "wine glass",
                    place=wording.PLACES.get(expected),
                    motion=motion,
                    phrase=f"red {subject}",
                    saying="it is red",
                )
                yield text
                yield wording.capital(text) + "."


CASES = [
    (task, accepted, text)
    for task in (*TASKS, *FURTHER_TASKS)
    for accepted in (MEANINGS[task][::7] if task == "choice" else MEANINGS[task])
    for text in dict.fromkeys(sentences(task, accepted))
]


def test_there_are_cases_for_every_task():
    for task in (*TASKS, *FURTHER_TASKS):
        assert len([1 for found, _, _ in CASES if found == task]) >= 6, task


@pytest.mark.parametrize("task", [*TASKS, *FURTHER_TASKS])
def test_what_the_simulator_writes_is_right_and_means_nothing_else(task):
    judge = judge_of(task)
    for found, accepted, text in CASES:
        if found != task:
            continue
        verdict = judge.judge(text, accepted)
        assert verdict.is_right, (text, accepted)
        assert verdict.said == accepted[0]
        for other in MEANINGS[task]:
            shared = {*map(words_of, other)} & {*map(words_of, accepted)}
            if not shared:
                assert not judge.judge(text, other).is_right, (text, other)


@pytest.mark.parametrize(
    ("task", "text", "accepted", "is_right"),
    [
        ("colour", "RED!", ("red",), True),
        ("colour", "It's red", ("red",), True),
        ("colour", "A bright red mug", ("red",), True),
        ("colour", "The colour of the mug is gray.", ("grey", "gray"), True),
        ("colour", "red and blue", ("red",), False),
        ("colour", "red or turquoise", ("red",), False),
        ("colour", "It is not red.", ("red",), False),
        ("colour", "It isn't red.", ("red",), False),
        ("colour", "reddish", ("red",), False),
        ("colour", "", ("red",), False),
        ("category", "a red glass vase", ("vase",), True),
        ("category", "a red glass vase", ("wine glass", "glass"), False),
        ("category", "The cup on the table", ("mug", "cup"), True),
        ("category", "a mug, a plate", ("mug", "cup"), False),
        ("category", "It is a mug and a saucer.", ("mug", "cup"), False),
        ("material", "The wine glass is made of wood.", ("glass",), False),
        ("material", "The wine glass is made of wood.", ("wood", "wooden"), True),
        ("relation", "left", ("left",), True),
        ("relation", "It is in front of it, to the left.", ("left",), False),
        ("motion", "It doesn't move.", ("still", "not move"), True),
        ("motion", "It does not fall.", ("falling", "fall"), False),
        ("motion", "It rolls to the left.", ("rolling", "rolls"), True),
        ("motion", "It rolls to the left.", ("left",), False),
        ("motion", "It moves to the left and falls.", ("left",), False),
        ("yes_no", "Yes, it is not blue.", ("yes",), True),
        ("yes_no", "yes no", ("yes",), False),
        ("yes_no", "It is so.", ("yes",), False),
        ("part", "The stripe of a cone.", ("cone",), False),
        ("part", "bottle cap", ("cap", "lid"), True),
        ("comparison", "The first one, the red mug.", ("first", "mug"), True),
        ("comparison", "The first one, the red mug.", ("first",), True),
        ("comparison", "the mug", ("first", "mug"), True),
        ("comparison", "the mug", ("first",), False),
        ("comparison", "The second one, the mug.", ("first", "mug"), False),
        ("comparison", "the first or the second", ("first", "mug"), False),
        ("comparison", "The red one.", ("first", "mug"), False),
        ("choice", "(a)", ("(a) mug", "(a)", "a", "mug"), True),
        ("choice", "A", ("(a) mug", "(a)", "a", "mug"), True),
        ("choice", "(b) mug", ("(a) mug", "(a)", "a", "mug"), False),
        ("start", "At about 0.4 s.", ("0.5", "0.4", "0.6"), True),
        ("start", "1.4 s", ("0.4",), False),
    ],
)
def test_other_wordings(task, text, accepted, is_right):
    assert judge_of(task).judge(text, accepted).is_right is is_right


@pytest.mark.parametrize(
    ("text", "said"),
    [("It is blue.", "blue"), ("gray", "grey"), ("blue, red", "blue, red"), ("hm", "hm")],
)
def test_a_wrong_answer_is_told_in_short(text, said):
    assert judge_of("colour").judge(text, ("green",)).said == said


def test_without_any_known_answer_nothing_is_right():
    assert not Judge("colour", []).judge("red", ("red",)).is_right

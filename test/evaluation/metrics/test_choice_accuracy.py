from __future__ import annotations

import pytest

from pixelrefer_ros.evaluation.metrics import Scored, score
from pixelrefer_ros.evaluation.metrics.choice_accuracy import picked

PLAIN = ("red", "dark blue", "blue")
LABELLED = ("(A) to the left", "(B) to the right", "(C) behind it")


@pytest.mark.parametrize(
    ("text", "choices", "expected"),
    [
        ("A", PLAIN, 0),
        ("b", PLAIN, 1),
        ("(C)", PLAIN, 2),
        ("(c) blue.", PLAIN, 2),
        ("B. dark blue", PLAIN, 1),
        ("B) dark blue", PLAIN, 1),
        ("C, since it is so", PLAIN, 2),
        ("The answer is B.", PLAIN, 1),
        ("The best option is B.", PLAIN, 1),
        ("The answer is a.", PLAIN, 0),
        ("The answer is a mug.", PLAIN, None),  # an article, no letter
        ("The answer is a blue mug.", PLAIN, 2),
        ("Option C", PLAIN, 2),
        ("Option A is right.", PLAIN, 0),
        ("The answer is A because it is so", PLAIN, 0),
        ("Answer: A blue mug", PLAIN, 2),
        ("Answer: A", PLAIN, 0),
        ("It is dark blue.", PLAIN, 1),
        ("Blue!", PLAIN, 2),
        ("A blue mug", PLAIN, 2),  # an article, no letter
        ("(A) or (B)", PLAIN, None),
        ("A, B", PLAIN, None),
        ("red and blue", PLAIN, None),
        ("green", PLAIN, None),
        ("", PLAIN, None),
        ("D", PLAIN, None),
        ("to the right", LABELLED, 1),
        ("(B) to the right", LABELLED, 1),
        ("b", LABELLED, 1),
        ("C", ("C. yes", "D. no"), 0),
        ("No, it is not so.", ("yes", "no"), 1),
        ("No, it isn't red.", ("Yes.", "No.", "Cannot tell."), 1),
        ("Yes, it is so.", ("(A) yes", "(B) no"), 0),
        ("Yes and no.", ("yes", "no"), None),
        ("It is not dark blue.", PLAIN, None),
    ],
)
def test_what_is_picked(text, choices, expected):
    assert picked(text, choices) == expected


def test_accuracy_by_question_type():
    items = [
        Scored("1", "A", choices=PLAIN, answer="red", question_type="basic"),
        Scored("2", "A", choices=PLAIN, answer="B", question_type="basic"),
        Scored("3", "blue", choices=PLAIN, answer="(C)", question_type="future"),
        Scored("4", "to the left", choices=LABELLED, answer="(A) to the left"),
        Scored("5", "no choices", answer="A"),
    ]
    report = score(items, ["choice_accuracy"])
    assert report.values == {"choice_accuracy": 3 / 4}
    kinds = {name: (kind.value, kind.n) for name, kind in report.by_type["choice_accuracy"].items()}
    assert kinds == {"basic": (0.5, 2), "future": (1.0, 1)}


def test_a_right_answer_that_picks_no_choice_or_two_is_named_and_the_others_are_counted():
    items = [
        Scored("6", "A", choices=PLAIN, answer="A", question_type="basic"),
        Scored("7", "A", choices=PLAIN, answer="green", question_type="basic"),
        Scored("8", "A", choices=("a mug", "the mug"), answer="a mug", question_type="basic"),
    ]
    report = score(items, ["choice_accuracy"])
    assert (report.values, report.counts) == ({"choice_accuracy": 1.0}, {"choice_accuracy": 1})
    assert report.by_type["choice_accuracy"]["basic"].n == 1
    assert report.left_out == {}
    assert report.failed == {
        "choice_accuracy": {
            "7": "answer is 'green', must pick one of red, dark blue, blue",
            "8": "answer is 'a mug', must pick one of a mug, the mug",
        }
    }

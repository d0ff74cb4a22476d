from __future__ import annotations

from pathlib import Path

from pixelrefer_ros.datasets.records import Record
from pixelrefer_ros.evaluation.benchmarks.blind import most_frequent
from pixelrefer_ros.evaluation.benchmarks.question import Question
from pixelrefer_ros.evaluation.metrics import Scored


def questions(*items: Scored) -> list[Question]:
    return [Question(Record("", Path(), "{}"), item, "") for item in items]


def test_the_most_frequent_category_short_answer_and_caption_are_said():
    names = [Scored(str(k), "", category=name) for k, name in enumerate(["mug", "ball", "mug"])]
    assert most_frequent(questions(*names)) == {"0": "mug", "1": "mug", "2": "mug"}
    captions = [Scored(str(k), "", references=(said,)) for k, said in enumerate(["a", "b", "b"])]
    assert set(most_frequent(questions(*captions)).values()) == {"b"}


def test_each_question_type_has_its_own():
    found = most_frequent(
        questions(
            Scored("0", "", answer="red", references=("red",), question_type="colour"),
            Scored("1", "", answer="red", references=("red",), question_type="colour"),
            Scored("2", "", answer="yes", references=("yes",), question_type="yes_no"),
        )
    )
    assert found == {"0": "red", "1": "red", "2": "yes"}


def test_of_the_choices_the_one_that_is_right_most_often_wherever_it_stands():
    def choice(id, answer, *choices):
        return Scored(id, "", choices=choices, answer=answer, question_type="future")

    found = most_frequent(
        questions(
            choice("0", "(a) still", "(a) still", "(b) left"),
            choice("1", "(b) still", "(a) falls", "(b) still"),
            choice("2", "(a) left", "(a) left", "(b) still"),
            choice("3", "(b) left", "(a) falls", "(b) left"),
            choice("4", "(a) still", "(a) still", "(b) falls"),
        )
    )
    assert found == {
        "0": "(a) still", "1": "(b) still", "2": "(b) still", "3": "(b) left", "4": "(a) still",
    }  # fmt: skip


def test_as_many_attributes_as_are_true_on_average():
    found = most_frequent(
        questions(
            Scored("0", "", positive=("red", "mug", "standing"), references=("x",)),
            Scored("1", "", positive=("red",), references=("y",)),
            Scored("2", "", positive=("blue", "mug"), references=("z",)),
        )
    )
    assert set(found.values()) == {"red, mug"}

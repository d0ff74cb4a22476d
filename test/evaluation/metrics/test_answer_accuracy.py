from __future__ import annotations

from pixelrefer_ros.evaluation.metrics import Scored, score

YES = ("yes", "Yes, it is so.")
NO = ("no", "No, it is not so.")
COLOURS = [
    # what the model said, the right answer, the forms it is accepted in, whether it is right
    ("It is red.", "red", ("red",), True),
    ("The mug is dark blue!", "blue", ("blue", "dark blue"), True),
    ("Red and green", "green", ("green",), False),
    ("The red mug is blue.", "red", ("red",), False),
]
CLAIMS = [
    ("Yes, it is so.", "yes", YES, True),
    ("No", "no", NO, True),
    ("No, it is not so.", "yes", YES, False),
]


def test_right_and_wrong_answers_are_counted_by_question_type():
    known = [("colour", *row) for row in COLOURS] + [("yes_no", *row) for row in CLAIMS]
    items = [
        Scored(str(number), said, references, answer=answer, question_type=kind)
        for number, (kind, said, answer, references, _) in enumerate(known)
    ]
    unknown = [
        Scored("no references", "red", answer="red", question_type="colour"),
        Scored("no type", "red", ("red",), answer="red"),
        Scored("choices", "red", ("red",), answer="red", question_type="colour", choices=("red",)),
    ]
    report = score([*items, *unknown], ["answer_accuracy"])
    found = {name: values["answer_accuracy"] for name, values in report.items.items()}
    assert found == {str(number): float(row[-1]) for number, row in enumerate(known)}
    assert report.values == {"answer_accuracy": 4 / 7}
    kinds = {name: (kind.value, kind.n) for name, kind in report.by_type["answer_accuracy"].items()}
    assert kinds == {"colour": (2 / 4, 4), "yes_no": (2 / 3, 3)}


def test_only_the_answers_to_questions_of_its_type_count_against_an_answer():
    relation = Scored("1", "left behind", ("left",), answer="left", question_type="relation")
    place = Scored("2", "left behind", ("left",), answer="left", question_type="place")
    behind = Scored("3", "behind", ("behind",), answer="behind", question_type="relation")
    report = score([relation, place, behind], ["answer_accuracy"])
    found = {name: values["answer_accuracy"] for name, values in report.items.items()}
    assert found == {"1": 0.0, "2": 1.0, "3": 1.0}

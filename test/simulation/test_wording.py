from __future__ import annotations

import re

import numpy as np
import pytest

from pixelrefer_ros.engine.query import ArrayFrame, Query
from pixelrefer_ros.engine.questions import make_questions
from pixelrefer_ros.model.prompts import DETAIL_QUESTION, VIDEO_DETAIL_QUESTION
from pixelrefer_ros.regions.reference import Region
from pixelrefer_ros.simulation import wording
from pixelrefer_ros.simulation.wording import (
    Exchange,
    ask,
    claim,
    listing,
    phrase,
    plural,
    with_article,
    without_mark,
)


def test_phrases():
    assert phrase("mug", "red", "wood", "small") == "small red wooden mug"
    assert phrase("mug") == "mug"
    assert with_article("orange ball") == "an orange ball"
    assert with_article("use") == "a use"
    assert [plural(name) for name in ("mug", "box", "wine glass")] == [
        "mugs",
        "boxes",
        "wine glasses",
    ]
    assert listing(["lid", "spout", "handle"]) == "lid, spout and handle"
    assert listing(["lid"]) == "lid"


def test_questions_of_a_kind_are_many():
    random = np.random.default_rng(0)
    asked = {ask(random, "colour", [(0, "")], "red", category="mug").question for _ in range(80)}
    assert asked == {form.format("<region>") for form in wording.QUESTIONS["colour"]}


def test_other_words_for_an_answer_are_accepted():
    exchange = ask(np.random.default_rng(0), "material", [(0, "")], "wood", category="mug")
    assert exchange.accepted == ("wood", "wooden")
    assert exchange.expected == "wood"
    assert "wood" in exchange.answer


@pytest.mark.parametrize(("value", "expected"), [("red", "yes"), ("blue", "no")])
def test_claims_are_agreed_with_when_true(value, expected):
    for seed in range(8):
        random = np.random.default_rng(seed)
        exchange = claim(random, "colour", [(0, "")], value, right="red")
        assert (exchange.task, exchange.topic) == ("yes_no", "colour")
        assert exchange.expected == expected
        assert exchange.answer.lower().startswith(expected)
        assert value in exchange.question


def test_a_reason_comes_before_the_answer():
    random = np.random.default_rng(0)
    exchange = claim(random, "material", [(0, "")], "metal", right="wood", reason=True)
    assert exchange.task == "reason"
    assert exchange.expected == "no"
    assert exchange.answer.startswith("It is made of wood")
    assert exchange.answer.endswith("no.")
    assert exchange.question.endswith(wording.REASONS)


def test_every_question_has_an_answer_and_as_many_regions_in_each_form():
    for task, forms in wording.QUESTIONS.items():
        counts = {len(set(re.findall(r"\{\d\}", form))) for form in forms}
        assert len(counts) == 1, task
        assert counts <= {1, 2}
    replies = {"taller", "larger", "closer", "description"}  # "comparison", and `details`
    assert set(wording.QUESTIONS) - replies <= set(wording.ANSWERS)


def test_questions_without_a_mark_come_as_the_node_asks_them():
    random = np.random.default_rng(0)
    exchange = ask(random, "colour", [(0, "")], "red", category="mug")
    said = without_mark(random, exchange, "image").question
    written = said.partition("\n")[2]
    assert "<region>" not in written
    picture = np.zeros((8, 8, 3), np.uint8)
    query = Query([ArrayFrame(picture)], [Region(box=(0, 0, 2, 2))], written)
    [question] = make_questions(query, [np.ones((8, 8), np.bool_)], is_lite=True)
    assert question.text == said


def test_without_words_the_details_are_asked_for():
    random = np.random.default_rng(0)
    one = Exchange("description", "Describe <region> in detail.", "A.", "A.", ("A.",), ((0, ""),))
    for medium, words in (("image", DETAIL_QUESTION), ("video", VIDEO_DETAIL_QUESTION)):
        said = {without_mark(random, one, medium).question for _ in range(40)}
        assert words in said
        assert len(said) == 3

from __future__ import annotations

import pytest

from pixelrefer_ros.evaluation.metrics.judged.replies import ReplyError, number, read_object, word


@pytest.mark.parametrize(
    "text",
    [
        '{"score": 7}',
        '```json\n{"score": 7}\n```',
        'The form is {"score": 1}. I think {so}:\n{"score": 7} Done.',
        '<think>{"score": 0}</think> {"score": 7}',
        '{ {"score": 7}',
    ],
)
def test_the_last_object_counts(text):
    assert read_object(text) == {"score": 7}


@pytest.mark.parametrize("text", ["", "seven", "[7]", '{"score": 7', '{"a":' * 3000])
def test_text_without_an_object(text):
    with pytest.raises(ReplyError, match="no JSON object in"):
        read_object(text)


def test_numbers():
    assert number({"score": 7}, "score", 0, 10) == 7.0
    assert number({"score": "7.5"}, "score", 0, 10) == 7.5


@pytest.mark.parametrize("value", [11, -1, None, "good", True, [7], float("nan"), "inf"])
def test_what_is_no_number_in_its_limits(value):
    with pytest.raises(ReplyError, match=r"'score' is .*, must be 0 to 10"):
        number({"score": value}, "score", 0, 10)


def test_words():
    assert word({"1": " Stated"}, "1", ("stated", "missing")) == "stated"
    for value in ("maybe", 1, None):
        with pytest.raises(ReplyError, match=r"'1' is .*, must be one of stated, missing"):
            word({"1": value}, "1", ("stated", "missing"))

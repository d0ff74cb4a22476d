from __future__ import annotations

import json
from pathlib import Path

import pytest

from pixelrefer_ros.errors import MetricError
from pixelrefer_ros.evaluation.metrics import Scored, read_scored


def write(path: Path, *lines: object) -> Path:
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("\n".join(texts) + "\n", encoding="utf-8")
    return path


def test_a_line_is_an_item(tmp_path):
    path = write(
        tmp_path / "results.jsonl",
        {"id": "one", "prediction": "a mug", "references": ["a cup", "a mug"], "seconds": 0.3},
        "",
        {"id": 2, "prediction": "", "category": None, "negative": []},
    )
    assert read_scored(path) == [
        Scored("one", "a mug", references=("a cup", "a mug")),
        Scored("2", ""),
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_text_may_hold_ends_of_lines_of_other_kinds(tmp_path, end):
    text = "a\u2028b\u2029c\u0085d"
    lines = [json.dumps({"id": i, "prediction": text}, ensure_ascii=False) for i in ("a", "b")]
    path = tmp_path / "results.jsonl"
    path.write_text(end.join(lines) + end, encoding="utf-8", newline="")
    assert read_scored(path) == [Scored("a", text), Scored("b", text)]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "results.jsonl: holds no line"),
        (["{"], "results.jsonl:1: not JSON"),
        (["3"], "results.jsonl:1: not a JSON object"),
        ([{"prediction": "a"}], "results.jsonl:1: id is None, must be a string"),
        ([{"id": True, "prediction": "a"}], "id is True, must be a string"),
        ([{"id": "a"}], "results.jsonl:1: prediction is None, must be a string"),
        (
            [{"id": "a", "prediction": ""}, {"id": "b", "prediction": "", "references": "a mug"}],
            "results.jsonl:2: references is 'a mug', must be a list of strings",
        ),
        (
            [{"id": "a", "prediction": "", "choices": ["x", 1]}],
            "choices is ['x', 1], must be a list of strings",
        ),
        ([{"id": "a", "prediction": ""}] * 2, "id is 'a' twice, must be unlike all others"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, lines, message):
    with pytest.raises(MetricError) as caught:
        read_scored(write(tmp_path / "results.jsonl", *lines))
    assert message in str(caught.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(MetricError, match=r"nowhere\.jsonl: not readable"):
        read_scored(tmp_path / "nowhere.jsonl")

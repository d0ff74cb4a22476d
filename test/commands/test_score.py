from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from pixelrefer_ros.cli import main

sys.path.append(str(Path(__file__).parents[1] / "evaluation" / "metrics" / "judged"))
from judge_server import Reply, in_turn, serve

LINES = [
    {"id": "1", "prediction": "A", "choices": ["x", "y"], "answer": "x", "question_type": "basic"},
    {"id": "2", "prediction": "a red mug", "positive": ["red"], "negative": ["blue"]},
]


@pytest.fixture
def results(tmp_path) -> Path:
    path = tmp_path / "results.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in LINES))
    return path


@pytest.fixture(autouse=True)
def _environment(monkeypatch, tmp_path):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("PIXELREFER_JUDGE_KEY", raising=False)


def test_a_table_for_people(results, capsys):
    assert main(["score", str(results)]) == 0
    output, errors = capsys.readouterr()
    rows = [line.strip("│ ").split("│") for line in output.splitlines() if line[:1] == "│"]
    found = {row[0].strip(): [cell.strip() for cell in row[1:3]] for row in rows}
    assert found == {
        "choice_accuracy": ["1.0000", "1"],
        "basic": ["1.0000", "1"],
        "attribute_precision": ["1.0000", "1"],
        "attribute_recall": ["1.0000", "1"],
    }
    assert "left out" not in output
    assert errors == ""


def test_one_json_object(results, capsys):
    assert main(["score", str(results), "--metrics", "attribute_recall,siou", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["values"] == {"attribute_recall": 1.0}
    assert found["items"] == {"2": {"attribute_recall": 1.0}}
    assert found["left_out"] == {"siou": "no item has category or references"}


def test_a_judge_is_asked_with_the_key_of_the_environment(results, capsys, monkeypatch):
    monkeypatch.setenv("PIXELREFER_JUDGE_KEY", "secret\n")
    reply = Reply(json.dumps({"attributes": {"1": "missing", "2": "stated"}}))
    with serve(in_turn(reply)) as server:
        options = ["--judge-url", server.url, "--judge-model", "m"]
        command = ["score", str(results), "--metrics", "dlc_average", *options]
        assert main([*command, "--dry-run"]) == 0
        output, errors = capsys.readouterr()
        assert server.requests == []
        [line] = output.splitlines()
        sent = json.loads(line)
        size = sum(len(message["content"]) for message in sent["messages"])
        assert f"1 requests would be sent, {size} characters; 0 replies are known\n" == errors
        assert main([*command, "--json"]) == 0
        assert server.requests == [sent]
        assert server.headers[0]["Authorization"] == "Bearer secret"
        assert json.loads(capsys.readouterr().out)["values"] == {"dlc_average": 1.0}
        assert main([*command, "--dry-run"]) == 0
    output, errors = capsys.readouterr()
    assert output == ""
    assert "0 requests would be sent, 0 characters; 1 replies are known" in errors
    kept = [path.read_text() for path in (results.parent / "cache").rglob("*.json")]
    assert len(kept) == 1
    assert "secret" not in kept[0]


def test_a_judge_that_makes_no_sense_is_told(results, capsys):
    with serve(in_turn("No.")) as server:
        options = ["--judge-url", server.url, "--judge-model", "m", "--metrics", "dlc_positive"]
        assert main(["score", str(results), *options]) == 2
    output = capsys.readouterr().out
    assert "left out dlc_positive: no item has a value" in output
    assert "no mark for 2: no JSON object in 'No.'" in output


URL, MODEL = ["--judge-url", "http://127.0.0.1:1/v1"], ["--judge-model", "m"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--metrics", "taste"], "metric is 'taste', must be one of ssim, siou"),
        ([*URL, *MODEL], "no judge is asked: name in --metrics some of dlc_positive"),
        (["--dry-run"], "no judge is asked"),
        (["--metrics", "clair", *URL], "a judge needs both --judge-url and --judge-model"),
        (["--metrics", "clair", "--dry-run"], "a judge needs both"),
        (["--metrics", "clair", *MODEL, "--judge-url", "host"], "judge URL is 'host', must be"),
        (["--metrics", "clair", *URL, *MODEL, "--judge-cache", "/dev/null"], "cache of the judge"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(results, capsys, options, message):
    assert main(["score", str(results), *options]) == 2
    output, errors = capsys.readouterr()
    assert output == ""
    assert message in errors
    assert errors.count("\n") == 1


def test_a_file_of_no_use(tmp_path, capsys):
    path = tmp_path / "results.jsonl"
    path.write_text('{"id": "1", "prediction": "a"}\n')
    assert main(["score", str(path)]) == 2
    assert "no metric applies" in capsys.readouterr().err
    path.write_text('{"id": "1"}\n')
    assert main(["score", str(path)]) == 2
    assert "results.jsonl:1: prediction is None, must be a string" in capsys.readouterr().err

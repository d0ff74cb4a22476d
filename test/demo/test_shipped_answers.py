"""What the shipped model answers in the demo, beside what is right."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

from pixelrefer_ros.demo.questions import read_questions
from pixelrefer_ros.evaluation.judging import words_of
from pixelrefer_ros.resources import find_demo

ROOT = Path(__file__).resolve().parents[2]
MOST_WRONG = 2


def test_the_demo_is_answered_as_expected(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "pixelrefer_ros.cli", "demo", "--out", str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    results = json.loads((tmp_path / "results.json").read_text())
    questions = read_questions(find_demo("questions.json"))
    assert len(results) == len(questions) == 13
    wrong = [
        (question.expected, entry["text"])
        for question, entry in zip(questions, results, strict=True)
        if not {*words_of(question.expected)} <= {*words_of(entry["text"])}
    ]
    assert len(wrong) <= MOST_WRONG, wrong

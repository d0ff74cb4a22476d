"""The frozen benchmark asks what it has always asked."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

import pytest

from pixelrefer_ros.errors import DeviceError
from pixelrefer_ros.evaluation.benchmarks.benchmark import Reading, read_benchmark
from pixelrefer_ros.evaluation.benchmarks.tablerefer import METRICS, TABLEREFER
from pixelrefer_ros.simulation import tablerefer
from pixelrefer_ros.simulation.renderer import Renderer

QUESTIONS = 66
DIGEST = "b7431d2d09b80b809a0ab42e232392581c6b3c5cfd8923eb6a809bf65236f676"
"""SHA-256 of what is asked about the first picture and the first clip, and of what is right."""


@pytest.fixture(scope="module")
def reading(tmp_path_factory) -> Reading:
    try:
        Renderer().close()
    except DeviceError as error:
        pytest.skip(str(error))
    folder: Path = tmp_path_factory.mktemp("tablerefer")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tablerefer, "SCENES", 1)
        patch.setattr(tablerefer, "CLIPS", 1)
        assert list(tablerefer.render(folder))[-1] == (2, 2)
    return read_benchmark(TABLEREFER, folder / "annotations.json", folder, is_lite=True, limit=None)


def test_the_questions_are_those_of_the_published_figures(reading):
    asked = [
        [question.task, {name: value for name, value in asdict(question.expected).items() if value}]
        for question in reading.questions
    ]
    text = json.dumps(asked, sort_keys=True)
    found = len(asked), hashlib.sha256(text.encode()).hexdigest()
    assert found == (QUESTIONS, DIGEST), "other questions: figures no longer compare"


def test_every_task_is_asked(reading):
    assert {question.task for question in reading.questions} == set(METRICS)
    assert reading.left_out == 0

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest
from drawn_shapes import shape
from known_answers import PICTURES, TIMES, write, write_discs

from pixelrefer_ros.engine.describer import Describer
from pixelrefer_ros.engine.query import ArrayFrame
from pixelrefer_ros.errors import DatasetError
from pixelrefer_ros.evaluation.accuracy import evaluate
from pixelrefer_ros.evaluation.judging import TASKS
from pixelrefer_ros.regions.reference import Region

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def engine(tiny_model) -> Iterator[Describer]:
    with Describer(tiny_model, max_new_tokens=32) as describer:
        yield describer


def said(engine: Describer, folder: Path, number: int, question: str) -> str:
    """Ask about a disc as a user would."""
    image = cv2.cvtColor(cv2.imread(str(folder / f"{number}.png")), cv2.COLOR_BGR2RGB)
    return engine.describe(image, Region(mask=shape(number)[1]), question)[0].text


def test_right_and_wrong_answers_are_counted(engine, tmp_path):
    records = write_discs(tmp_path)
    for number in (0, 2):  # what the model says is right for these
        record = records[5 * number]
        assert record["task"] == "colour"
        record["accepted"] = [said(engine, tmp_path, number, "What colour is <region>?")]
    write(tmp_path, records)
    found = evaluate(engine, tmp_path).to_dict()
    assert found["colour"] == {"accuracy": 0.5, "n": PICTURES}
    assert found["category"] == {"accuracy": 0.0, "n": PICTURES}
    assert found["motion"] == {"accuracy": 0.0, "n": 1}
    assert found["part"] == {"accuracy": None, "n": 0}
    assert found["yes_no"]["n"] == 2 * PICTURES
    assert found["yes_no"]["yes"]["n"] == found["yes_no"]["no"]["n"] == PICTURES
    assert found["small_regions"]["colour"] == {"accuracy": 1.0, "n": 1}
    assert found["small_regions"]["motion"] == {"accuracy": None, "n": 0}
    assert found["regions"] == PICTURES + 1
    assert (found["model"], found["data"]) == (engine.model.model_id, str(tmp_path))
    assert found["left_out"] == 0
    assert found["seconds"] > 0


def test_mistakes_say_what_was_expected_and_what_was_said(engine, tmp_path):
    write_discs(tmp_path)
    mistakes = evaluate(engine, tmp_path, tasks=["category"]).to_dict()["mistakes"]["category"]
    assert sum(mistake["count"] for mistake in mistakes) == PICTURES
    assert {mistake["expected"] for mistake in mistakes} == {"ball"}
    texts = [said(engine, tmp_path, number, "What is <region>?") for number in range(PICTURES)]
    assert {mistake["said"] for mistake in mistakes} == {
        " ".join(text.split())[:40] for text in texts
    }


def test_a_clip_is_asked_about_as_the_node_would(engine, tmp_path):
    records = write_discs(tmp_path)
    frames, regions = [], []
    for frame, time in enumerate(TIMES):
        image = cv2.imread(str(tmp_path / "clip" / f"{frame}.png"))
        frames.append(ArrayFrame(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), round(time * 1e9)))
        regions.append(Region(frame=frame, object_id="disc", mask=shape(frame)[1]))
    [answer] = engine.describe(frames, regions, "How does <region> move?")
    assert records[-1]["task"] == "motion"
    records[-1]["accepted"] = [answer.text]
    write(tmp_path, records)
    found = evaluate(engine, tmp_path, tasks=["motion"]).to_dict()
    assert found["motion"] == {"accuracy": 1.0, "n": 1}


def test_answers_come_out_alike_whatever_waits_together(engine, tiny_model, tmp_path):
    write_discs(tmp_path)
    found = evaluate(engine, tmp_path)
    with Describer(tiny_model, queue_size=1, max_batch=1) as alone:
        assert evaluate(alone, tmp_path).mistakes == found.mistakes


def test_a_limit_counts_for_each_task_and_draws_the_same_again(engine, tmp_path):
    write_discs(tmp_path)
    steps: list[tuple[int, int]] = []
    found = evaluate(engine, tmp_path, limit=2, progress=lambda *step: steps.append(step))
    shares = found.to_dict()
    assert [shares[task]["n"] for task in TASKS] == [2, 2, 0, 0, 1, 2, 0]
    assert steps == [(done, 7) for done in range(1, 8)]
    assert evaluate(engine, tmp_path, limit=2).mistakes == found.mistakes


def test_what_is_of_no_use_is_named_counted_and_left_out(engine, tmp_path, caplog):
    records = write_discs(tmp_path)
    (tmp_path / "1.png").write_bytes(b"no picture")
    records[10]["annotation"][0] = {"0": {"segmentation": {"size": [3, 3], "counts": [9]}}}
    del records[15]["areas"]
    write(tmp_path, records)
    found = evaluate(engine, tmp_path, tasks=["colour"]).to_dict()
    assert found["colour"]["n"] == 1
    assert found["left_out"] == 3
    assert "annotations.json[5]: " in caplog.text
    assert "1.png: not a picture" in caplog.text
    assert "annotations.json[10]: a mask has size [3, 3]" in caplog.text
    assert "annotations.json[15]: areas is None" in caplog.text


def test_a_data_set_of_no_use_is_an_error(engine, tmp_path):
    with pytest.raises(DatasetError, match="not readable"):
        evaluate(engine, tmp_path)
    records = write_discs(tmp_path)
    with pytest.raises(DatasetError, match="no records of the tasks"):
        evaluate(engine, tmp_path, tasks=["part"])
    for number in range(PICTURES):
        (tmp_path / f"{number}.png").unlink()
    with pytest.raises(DatasetError, match="none of 4 questions can be asked"):
        evaluate(engine, tmp_path, tasks=["colour"])
    assert len(records) == 5 * PICTURES + 1


def test_the_example_of_the_page_runs(tmp_path, monkeypatch, capsys):
    page = (ROOT / "docs" / "evaluation.md").read_text(encoding="utf-8")
    [example] = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    (tmp_path / "data" / "test").mkdir(parents=True)
    write_discs(tmp_path / "data" / "test")
    monkeypatch.chdir(tmp_path)
    exec(example, {})
    assert 0.0 <= float(capsys.readouterr().out) <= 1.0

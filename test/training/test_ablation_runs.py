from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from drawn_shapes import settings
from known_answers import PICTURES, write, write_discs

from pixelrefer_ros.errors import CommandError, DatasetError
from pixelrefer_ros.training.configuration import read_config
from pixelrefer_ros.training.logs import read_log

pytest.importorskip("accelerate")
pytest.importorskip("matplotlib")
from pixelrefer_ros.training.ablation_runs import (
    Ablation,
    Result,
    add_result,
    check_writable,
    read_results,
)

SHARE = {"accuracy": 0.5, "n": 4}
EVALUATION: dict[str, Any] = {"colour": SHARE, "small_regions": {"colour": SHARE}}


def result(seed: int, seconds: float = 1.0, settings: str = "0123") -> Result:
    return Result("saot", seed, settings, 7, seconds, EVALUATION)


@pytest.fixture
def ablation(tmp_path: Path) -> Ablation:
    """Learn colours of discs and be asked about the same ones."""
    write_discs(tmp_path)
    annotations = tmp_path / "annotations.json"
    rates = {"vision_encoder": 1e-2, "object_encoder": 1e-2, "language_model": 1e-2}
    data = {"files": [{"path": str(annotations), "tasks": ["colour", "caption"]}], "workers": 0}
    values = settings(annotations, tmp_path / "unused", data=data, steps=160)
    values["rates"] |= rates
    config = tmp_path / "ablation.yaml"
    config.write_text(yaml.safe_dump(values))
    return Ablation(read_config(config), tmp_path)


def test_a_variant_is_trained_and_asked_what_it_was_taught(ablation, tmp_path):
    out = tmp_path / "out"
    result = ablation.run("no_position", 3, out)
    assert (result.variant, result.seed, result.steps) == ("no_position", 3, 160)
    assert result.settings == ablation.settings
    assert result.seconds > 0
    assert result.evaluation["colour"] == {"accuracy": 1.0, "n": PICTURES}
    assert result.evaluation["small_regions"]["colour"] == {"accuracy": 1.0, "n": 1}
    assert "motion" not in result.evaluation
    assert read_log(out / "no_position-3" / "log.csv")[-1].loss < 0.1
    # A folder of it would be loaded as a whole network.
    assert not [*out.rglob("*.safetensors")]


def test_settings_tell_apart_what_cannot_be_compared(ablation):
    config = ablation.config
    others = [
        replace(ablation, limit=5),
        replace(ablation, data=Path("other")),
        replace(ablation, config=replace(config, steps=9)),
    ]
    assert len({ablation.settings, *(other.settings for other in others)}) == 4


def test_settings_are_alike_where_runs_can_be_compared(ablation, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = ablation.config
    scratch = replace(config.start.scratch, region_tokens=9)
    alike = [
        replace(ablation, config=replace(config, seed=9, output="elsewhere")),
        replace(ablation, config=replace(config, start=replace(config.start, scratch=scratch))),
        replace(ablation, data=Path(".")),
        replace(ablation, data=tmp_path / "out" / ".."),
    ]
    assert {other.settings for other in alike} == {ablation.settings}


def test_only_tasks_that_are_trained_are_asked(ablation):
    def tasks(*taught: str) -> list[str]:
        [file] = ablation.config.data.files
        data = replace(ablation.config.data, files=(replace(file, tasks=taught),))
        return replace(ablation, config=replace(ablation.config, data=data)).tasks

    assert tasks("part", "caption", "colour") == ["colour", "part"]
    assert "motion" in tasks()
    with pytest.raises(CommandError, match="no tasks among colour"):
        tasks("caption")


def test_held_out_data_of_no_use_is_refused(ablation, tmp_path):
    ablation.check_data()
    with pytest.raises(DatasetError, match=r"nowhere/annotations\.json: not readable"):
        replace(ablation, data=tmp_path / "nowhere").check_data()
    write(tmp_path, [{"task": "motion"}])
    with pytest.raises(DatasetError, match=r"no records of the tasks \['colour'\]"):
        ablation.check_data()
    write(tmp_path, [{"task": "colour"}])
    with pytest.raises(DatasetError, match="none of its questions can be asked"):
        ablation.check_data()


def test_a_later_result_of_the_same_run_replaces_the_earlier(tmp_path):
    assert read_results(tmp_path / "none") == []
    others = [result(1, 2.0), result(0, 3.0, "4567")]
    for one in (result(0, 1.0), *others, result(0, 4.0)):
        add_result(tmp_path, one)
    assert read_results(tmp_path) == [result(0, 4.0), *others]


def test_results_that_cannot_be_compared_are_refused(ablation, tmp_path):
    comparable = result(0, settings=ablation.settings)
    add_result(tmp_path, comparable)
    assert ablation.results(tmp_path) == [comparable]
    add_result(tmp_path, result(1))
    with pytest.raises(CommandError, match=r"results\.jsonl: holds .* choose another --out"):
        ablation.results(tmp_path)


def test_a_line_that_was_cut_off_costs_only_its_run(tmp_path, caplog):
    path = tmp_path / "results.jsonl"
    add_result(tmp_path, result(0))
    add_result(tmp_path, result(1))
    path.write_bytes(path.read_bytes()[:-9])
    assert read_results(tmp_path) == [result(0)]
    assert "results.jsonl:2: left out" in caplog.text
    add_result(tmp_path, result(2))
    assert read_results(tmp_path) == [result(0), result(2)]
    # Only the end of the line is missing.
    path.write_bytes(path.read_bytes()[:-1])
    check_writable(tmp_path)
    add_result(tmp_path, result(3))
    assert read_results(tmp_path) == [result(0), result(2), result(3)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"unknown": 1}, "unexpected keyword argument 'unknown'"),
        ({"variant": ["saot"]}, "unhashable"),
        ({"evaluation": []}, "small_regions is missing"),
        ({"evaluation": {"colour": SHARE}}, "small_regions is missing"),
        ({"evaluation": {"small_regions": {}}}, "no tasks among colour"),
        ({"evaluation": {**EVALUATION, "part": SHARE}}, "small_regions.part is None, must hold"),
        ({"evaluation": {**EVALUATION, "colour": {"n": 4}}}, "evaluation.colour is {'n': 4}, must"),
    ],
)
def test_a_line_without_what_the_tables_need_is_named(tmp_path, change, message):
    add_result(tmp_path, result(0))
    path = tmp_path / "results.jsonl"
    values = json.loads(path.read_text()) | change
    path.write_text(path.read_text() + json.dumps(values) + "\n")
    with pytest.raises(CommandError, match=r"results\.jsonl:2: no result of a run: ") as raised:
        read_results(tmp_path)
    assert message in str(raised.value)

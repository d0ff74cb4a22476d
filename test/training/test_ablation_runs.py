from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from drawn_shapes import settings
from known_answers import PICTURES, write_discs

from pixelrefer_ros.errors import CommandError
from pixelrefer_ros.training.configuration import read_config
from pixelrefer_ros.training.logs import read_log

pytest.importorskip("accelerate")
pytest.importorskip("matplotlib")
from pixelrefer_ros.training.ablation_runs import Ablation, Result, add_result, read_results


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
    alike = replace(ablation, config=replace(config, seed=9, output="elsewhere"))
    assert alike.settings == ablation.settings


def test_only_tasks_that_are_trained_are_asked(ablation):
    def tasks(*taught: str) -> list[str]:
        [file] = ablation.config.data.files
        data = replace(ablation.config.data, files=(replace(file, tasks=taught),))
        return replace(ablation, config=replace(ablation.config, data=data)).tasks

    assert tasks("part", "caption", "colour") == ["colour", "part"]
    assert "motion" in tasks()
    with pytest.raises(CommandError, match="no tasks among colour"):
        tasks("caption")


def test_a_later_result_of_the_same_run_replaces_the_earlier(tmp_path):
    def result(seed: int, seconds: float, settings: str = "0123") -> Result:
        return Result("saot", seed, settings, 7, seconds, {})

    assert read_results(tmp_path / "none") == []
    others = [result(1, 2.0), result(0, 3.0, "4567")]
    for one in (result(0, 1.0), *others, result(0, 4.0)):
        add_result(tmp_path / "out", one)
    assert read_results(tmp_path / "out") == [result(0, 4.0), *others]
    with (tmp_path / "out" / "results.jsonl").open("a") as file:
        file.write('{"variant": "saot"}\n')
    with pytest.raises(CommandError, match=r"results\.jsonl:5: no result of a run"):
        read_results(tmp_path / "out")

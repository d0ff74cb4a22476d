from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from drawn_shapes import settings

from pixelrefer_ros.datasets.records import DataFile
from pixelrefer_ros.errors import CommandError
from pixelrefer_ros.training.configuration import read_config
from pixelrefer_ros.training.objective import Weighting
from pixelrefer_ros.training.schedule import Rates

SHIPPED = sorted((Path(__file__).resolve().parents[2] / "config" / "training").glob("*.yaml"))


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "stage.yaml"
    path.write_text(yaml.safe_dump(settings(tmp_path / "d.jsonl", tmp_path / "out")))
    return path


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_configurations_are_read(path):
    config = read_config(path)
    assert config.output.startswith(f"out/{path.stem}")
    assert config.warm_up == 0.03


@pytest.mark.parametrize("size", ["lite_2b", "lite_7b"])
def test_official_sizes_are_trained_as_in_the_paper(size):
    by_name = {path.stem: path for path in SHIPPED}
    first = read_config(by_name[f"{size}_stage1"])
    assert first.rates == Rates(0.0, 1e-5, 1e-3, 1e-5)
    assert first.global_batch == 256
    second = read_config(by_name[f"{size}_stage2"])
    assert second.rates == Rates(1e-5, 1e-5, 1e-5, 1e-5)
    assert second.start.pixelrefer == f"{first.output}/model"


def test_values_can_be_set_from_the_command_line(file):
    config = read_config(
        file,
        [
            "rates.projector=1e-4",
            "data.files=[{path: a.json, tasks: [colour]}]",
            "weighting=conversation",
            "model.dtype=float16",
        ],
    )
    assert config.rates.projector == 1e-4
    assert config.data.files == (DataFile("a.json", tasks=("colour",)),)
    assert config.weighting is Weighting.CONVERSATION
    assert config.model.dtype == "float16"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("colour=red", "colour is unknown; known are output, start"),
        ("rates.encoder=1", "rates.encoder is unknown"),
        ("rates={projector: 1.0}", "rates.vision_encoder is missing"),
        ("micro_batch=many", "micro_batch is 'many', must be int"),
        ("micro_batch=0", "micro_batch must be at least 1"),
        ("data.files=a.json", "data.files is 'a.json', must be a list"),
        ("data=a.json", "data is 'a.json', must hold fields"),
        ("output.folder=a", "'output' has no fields"),
        ("steps=0", "either epochs or steps"),
        ("epochs=1", "either epochs or steps"),
        ("start.pixelrefer=folder", "give one of videollama3, pixelrefer and scratch"),
        ("start.framework=Lite", "start.framework must be one of"),
        ("objective=heads", "objective must be one of"),
        ("weighting=word", "weighting is 'word', must be one of"),
        ("precision=float16", "precision must be one of"),
        ("steps", "must be NAME=VALUE"),
        ("steps=[", "not a YAML value"),
    ],
)
def test_what_is_wrong_is_said(file, change, message):
    with pytest.raises(CommandError, match=message):
        read_config(file, [change])


def test_a_file_of_no_use_is_named(tmp_path):
    with pytest.raises(CommandError, match=r"none\.yaml: not readable"):
        read_config(tmp_path / "none.yaml")
    (tmp_path / "list.yaml").write_text("[1]")
    with pytest.raises(CommandError, match="must hold fields"):
        read_config(tmp_path / "list.yaml")

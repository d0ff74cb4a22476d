from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from drawn_shapes import settings, write_shapes

from pixelrefer_ros.datasets.records import DataFile
from pixelrefer_ros.errors import CommandError
from pixelrefer_ros.training.configuration import TrainingConfig, read_config
from pixelrefer_ros.training.resuming import FREE, require_same, write_configuration


@pytest.fixture
def config(tmp_path: Path) -> TrainingConfig:
    path = tmp_path / "stage.yaml"
    path.write_text(yaml.safe_dump(settings(write_shapes(tmp_path), tmp_path / "out")))
    return read_config(path)


def test_the_same_configuration_goes_on(tmp_path, config):
    config = replace(config, max_gradient_norm=float("inf"), seed=2**64 - 1)
    write_configuration(tmp_path, config, 9)
    require_same(tmp_path, config, 9)


def test_what_does_not_change_a_step_may_differ(tmp_path, config):
    write_configuration(tmp_path, config, 9)
    data = replace(config.data, workers=3, max_bad_share=0.5)
    longer = {"steps": 0, "epochs": 2.0, "micro_batch": 1}
    leaner = {"gradient_checkpointing": True, "feature_memory": 0}
    kept = {"output": "elsewhere", "save_every": 7, "keep": 1, "tensorboard": True}
    other = replace(config, data=data, **longer, **leaner, **kept)
    require_same(tmp_path, other, 9)
    assert {*longer, *leaner, *kept, "data.workers", "data.max_bad_share"} == FREE


def test_what_changes_what_is_learnt_is_named(tmp_path, config):
    write_configuration(tmp_path, config, 9)
    other = (DataFile(path="other.json"),)
    for changed, message in (
        (replace(config, seed=5), "seed is 5, but 0 in "),
        (replace(config, rates=replace(config.rates, projector=0.5)), r"rates.projector is 0\.5"),
        (replace(config, data=replace(config.data, files=other)), r"data.files\[0\].path is 'oth"),
    ):
        with pytest.raises(CommandError, match=message):
            require_same(tmp_path, changed, 9)


def test_data_that_grew_is_named(tmp_path, config):
    write_configuration(tmp_path, config, 9)
    with pytest.raises(CommandError, match=r"data.records is 10, but 9 in "):
        require_same(tmp_path, config, 10)


def test_a_checkpoint_that_does_not_tell_is_refused(tmp_path, config):
    with pytest.raises(CommandError, match=r"configuration.json is missing or empty"):
        require_same(tmp_path, config, 9)

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


@pytest.mark.parametrize(
    ("size", "framework"),
    [
        ("lite_2b", "PixelRefer-Lite"),
        ("lite_7b", "PixelRefer-Lite"),
        ("pixelrefer_2b", "PixelRefer"),
        ("pixelrefer_7b", "PixelRefer"),
    ],
)
def test_official_sizes_are_trained_as_in_the_paper(size, framework):
    by_name = {path.stem: path for path in SHIPPED}
    first = read_config(by_name[f"{size}_stage1"])
    assert first.start.framework == framework
    assert first.start.videollama3 == f"VideoLLaMA3-{size[-2:].upper()}-Image"
    assert first.rates == Rates(0.0, 1e-5, 1e-3, 1e-5)
    assert first.global_batch == 256
    second = read_config(by_name[f"{size}_stage2"])
    assert second.rates == Rates(1e-5, 1e-5, 1e-5, 1e-5)
    assert second.global_batch == 256
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
        ("output=2024-02-30", "--set output=2024-02-30: not a YAML value"),
        ("rates={1: 2, encoder: 3}", "rates.1 is unknown; known are vision_encoder"),
        ("rates.encoder=1", "rates.encoder is unknown"),
        ("rates={projector: 1.0}", "rates.vision_encoder is missing"),
        ("micro_batch=many", "micro_batch is 'many', must be int"),
        ("micro_batch=0", "micro_batch is 0, must be at least 1"),
        ("data.files=a.json", "data.files is 'a.json', must be a list"),
        ("data=a.json", "data is 'a.json', must hold fields"),
        ("output.folder=a", "'output' has no fields"),
        ("steps=0", "either epochs or steps"),
        ("epochs=1", "either epochs or steps"),
        ("start.pixelrefer=folder", "give one of videollama3, pixelrefer and scratch"),
        ("start.framework=Lite", "start.framework is 'Lite', must be one of"),
        ("objective=heads", "objective is 'heads', must be one of"),
        ("weighting=word", "weighting is 'word', must be one of"),
        ("precision=float16", "precision is 'float16', must be one of"),
        ("steps", "must be NAME=VALUE"),
        ("steps=[", "not a YAML value"),
    ],
)
def test_what_is_wrong_is_said(file, change, message):
    with pytest.raises(CommandError, match=message):
        read_config(file, [change])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("steps=-1", "steps is -1, must be at least 0"),
        ("feature_memory=10", "feature_memory is only for a vision encoder that does not learn"),
        ("epochs=-1", "epochs is -1.0, must be a finite number from 0"),
        ("epochs=.inf", "epochs is inf, must be a finite"),
        ("rates.projector=-1e-4", "rates.projector is -0.0001, must be a finite number from 0"),
        ("rates.language_model=.nan", "rates.language_model is nan, must be a finite"),
        ("rates.vision_encoder=.inf", "rates.vision_encoder is inf, must be a finite"),
        ("weight_decay=-0.1", "weight_decay is -0.1, must be a finite number from 0"),
        ("max_gradient_norm=0", "max_gradient_norm is 0.0, must be above 0"),
        ("max_gradient_norm=.nan", "max_gradient_norm is nan, must be above 0"),
        ("warm_up=1", "warm_up is 1.0, must be from 0 to below 1"),
        ("seed=-1", r"seed is -1, must be from 0 to below 2\*\*64"),
        (f"seed={2**64}", "seed is 18446744073709551616, must be"),
        (f"warm_up={10**400}", "warm_up is 1000.*, must be float"),
        ("data.files=[]", "data.files is empty"),
        ("data.files=[{path: a.json, repeat: 0}]", r"data.files\[0\].repeat is 0, must be at"),
        ("data.max_bad_share=1", "data.max_bad_share is 1.0, must be from 0 to below 1"),
        ("data.box_share=1.5", "data.box_share is 1.5, must be from 0 to 1"),
        ("data.samples_per_image=0", "data.samples_per_image is 0, must be at least 1"),
        ("data.workers=-1", "data.workers is -1, must be at least 0"),
        ("model.local_view_patches=-1", "model.local_view_patches is -1, must be at least 0"),
        ("model.global_view_patches=-4", "model.global_view_patches is -4, must be"),
        ("model.dtype=int8", "model.dtype is 'int8', must be one of"),
        ("start.scratch.vision_layers=0", "start.scratch.vision_layers is 0, must be at least 1"),
        ("start.scratch.region_tokens=0", "start.scratch.region_tokens is 0, must be at least 1"),
        ("start.scratch.vision_heads=3", "start.scratch.vision_width is 32, .* multiple of 24"),
        ("start.scratch.vision_width=36", "vision_width is 36, must be a multiple of 8"),
        ("start.scratch.language_heads=3", "language_width is 32, must be a multiple of 6"),
        ("start.scratch.language_key_heads=4", "language_heads is 2, must be a multiple of 4"),
        ("start.scratch.vocabulary=255", "start.scratch.vocabulary is 255, must be at least 256"),
    ],
)
def test_values_outside_their_limits_are_refused(file, change, message):
    with pytest.raises(CommandError, match=message):
        read_config(file, [change])


def test_crops_without_context_are_for_words(file):
    with pytest.raises(CommandError, match="context is false, which is only for objective words"):
        read_config(file, ["data.context=false"])


def test_words_teach_a_vision_encoder_that_learns(file):
    with pytest.raises(CommandError, match="objective words teaches the vision encoder, whose rat"):
        read_config(file, ["objective=words", "rates.vision_encoder=0"])


def test_a_file_of_no_use_is_named(tmp_path):
    with pytest.raises(CommandError, match=r"none\.yaml: not readable"):
        read_config(tmp_path / "none.yaml")
    (tmp_path / "list.yaml").write_text("[1]")
    with pytest.raises(CommandError, match="must hold fields"):
        read_config(tmp_path / "list.yaml")
    (tmp_path / "date.yaml").write_text("output: 2024-02-30")
    with pytest.raises(CommandError, match=r"date\.yaml: not readable"):
        read_config(tmp_path / "date.yaml")
    (tmp_path / "latin.yaml").write_bytes("output: gr\u00fcn".encode("latin-1"))
    with pytest.raises(CommandError, match=r"latin\.yaml: not readable"):
        read_config(tmp_path / "latin.yaml")

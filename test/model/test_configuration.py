from __future__ import annotations

import json
import shutil

import pytest
import torch

from pixelrefer_ros.errors import CheckpointError
from pixelrefer_ros.model.compatibility import Compatibility, Framework
from pixelrefer_ros.model.configuration import PixelReferConfig


@pytest.fixture
def folder(goldens, tmp_path):
    """The JSON files of a checkpoint."""
    for path in (goldens / "lite_tiny" / "checkpoint").glob("*.json"):
        shutil.copy(path, tmp_path)
    return tmp_path


def change(folder, name="config.json", **values):
    path = folder / name
    fields = json.loads(path.read_text()) | values
    path.write_text(json.dumps({k: v for k, v in fields.items() if v is not ...}))


def test_fields(folder):
    change(folder, mask_num=8, mm_max_length=1000, spatial_merge_size=3, torch_dtype="bfloat16")
    change(folder, "generation_config.json", eos_token_id=590, repetition_penalty=1.3)
    change(folder, "preprocessor_config.json", image_mean=[0.1, 0.2, 0.3], min_pixels=100)
    config = PixelReferConfig.from_folder(folder)
    assert config.framework is Framework.OBJECT_ONLY
    assert config.compatibility == Compatibility.official_lite()
    assert (config.region_tokens, config.patch_budget, config.video_merge) == (8, 1000, 3)
    assert config.dtype is torch.bfloat16
    assert config.generation.eos_token_ids == {590}
    assert config.generation.repetition_penalty == 1.3
    assert config.image_processor.mean == (0.1, 0.2, 0.3)
    assert config.image_processor.min_pixels == 100
    assert config.language.rope_parameters["rope_theta"] == 1e6
    assert config.vision.hidden_size == 64


def test_defaults(folder):
    change(folder, mm_max_length=..., vision_encoder_config=..., generation_config=...)
    (folder / "preprocessor_config.json").unlink()
    (folder / "generation_config.json").unlink()
    config = PixelReferConfig.from_folder(folder)
    assert config.patch_budget == 9477 // 4
    assert (config.vision.hidden_size, config.vision.num_hidden_layers) == (1152, 27)
    assert config.image_processor.mean == config.image_processor.deviation == (0.5, 0.5, 0.5)
    assert config.image_processor.min_pixels == 3136
    assert config.generation.repetition_penalty == 1.0


def test_the_vision_encoders_own_folder_comes_first(folder, goldens):
    shutil.copytree(
        goldens / "lite_tiny" / "checkpoint" / "vision_encoder", folder / "vision_encoder"
    )
    change(folder / "vision_encoder", hidden_size=80)
    change(folder / "vision_encoder", "preprocessor_config.json", image_std=[1.0, 1.0, 1.0])
    config = PixelReferConfig.from_folder(folder)
    assert config.vision.hidden_size == 80
    assert config.image_processor.deviation == (1.0, 1.0, 1.0)


def test_patch_budget_is_shared_as_the_released_code_does(folder):
    config = PixelReferConfig.from_folder(folder)
    assert config.max_pixels(16) == 8192 * 196 // 16
    assert config.max_pixels(5, merge=2) == 8192 * 196 * 4 // 5
    change(folder, compat="paper")
    assert PixelReferConfig.from_folder(folder).max_pixels(16) == 8192 * 196


def test_compat(folder):
    change(folder, compat="paper")
    assert PixelReferConfig.from_folder(folder).compatibility == Compatibility.paper()
    change(folder, compat="official", model_type="pixelrefer_qwen2", architectures=...)
    assert PixelReferConfig.from_folder(folder).compatibility == Compatibility.official_full()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"model_type": "llama"}, "model_type is 'llama', must be one of .*pixelreferlite_qwen2"),
        ({"model_type": ...}, "model_type is None"),
        ({"architectures": ["LlamaForCausalLM"]}, r"architectures is \['LlamaForCausalLM'\]"),
        ({"mask_num": ...}, "field 'mask_num' is missing"),
        ({"mask_num": 0}, "mask_num is 0, must be a whole number from 1 to 1024"),
        ({"mask_num": None}, "mask_num is None, must be a whole number"),
        ({"vision_encoder_config": [1]}, r"vision_encoder_config is \[1\], must be an object"),
        ({"mask_num": "32"}, "mask_num is '32'"),
        ({"hidden_size": "wide"}, "hidden_size"),
        ({"num_attention_heads": 5}, "hidden_size is 96, must be a multiple of 5"),
        ({"vision_encoder_config": {"hidden_size": 72, "num_attention_heads": 12}}, "of 48"),
        ({"vision_encoder_config": {"hidden_size": 20, "num_attention_heads": 5}}, "of 8"),
        ({"use_token_compression": False}, "use_token_compression is False, must be True"),
        ({"mm_projector_type": "linear"}, "mm_projector_type is 'linear'"),
        ({"compat": "mine"}, "compat is 'mine', must be 'official' or 'paper'"),
        ({"torch_dtype": "float7"}, "torch_dtype is 'float7'"),
    ],
)
def test_refused_fields(folder, values, message):
    change(folder, **values)
    with pytest.raises(CheckpointError, match=message):
        PixelReferConfig.from_folder(folder)


def test_missing_and_broken_files(tmp_path):
    with pytest.raises(CheckpointError, match=r"no config\.json"):
        PixelReferConfig.from_folder(tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(CheckpointError, match="not readable as JSON"):
        PixelReferConfig.from_folder(tmp_path)
    (tmp_path / "config.json").write_text("[]")
    with pytest.raises(CheckpointError, match="holds a list"):
        PixelReferConfig.from_folder(tmp_path)

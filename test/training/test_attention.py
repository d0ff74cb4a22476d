"""Attention of networks that learn in bfloat16 on a CPU."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
import yaml
from drawn_shapes import settings, write_shapes

from pixelrefer_ros.model.image_processor import View
from pixelrefer_ros.model.pixelrefer import PixelRefer
from pixelrefer_ros.training.attention import IN_FLOAT32, attend_quickly

TELL = """
import sys
from pathlib import Path
from pixelrefer_ros.training.configuration import read_config
from pixelrefer_ros.training.trainer import Trainer
trainer = Trainer(read_config(Path(sys.argv[1])), resume=False)
model = trainer.model
print(*(n.config._attn_implementation for n in (model.vision_encoder, model.language_model)))
"""

VIEWS = [
    View(np.random.default_rng(k).integers(0, 256, (rows * 4, 588), np.uint8), (rows, 4))
    for k, rows in enumerate((3, 5))
]


@pytest.fixture
def model(tiny_model_path):
    return PixelRefer.from_pretrained(tiny_model_path, dtype=torch.float32)


def encode(model: PixelRefer, *, rounded: bool) -> torch.Tensor:
    with torch.autocast("cpu", torch.bfloat16, enabled=rounded):
        found = model.encode_views(VIEWS)
    return torch.cat([found[view].flatten() for view in VIEWS]).float()


def test_features_stay_the_same(model):
    usual, usual_rounded = encode(model, rounded=False), encode(model, rounded=True)
    attend_quickly(model)
    assert torch.equal(encode(model, rounded=False), usual)
    rounding = (usual_rounded - usual).abs().max()
    assert 0 < (encode(model, rounded=True) - usual).abs().max() <= 1.5 * rounding


def test_training_in_bfloat16_attends_so(tmp_path):
    shapes = write_shapes(tmp_path, 2)
    found = {}
    for precision in ("float32", "bfloat16"):
        given = settings(shapes, tmp_path / precision, precision=precision)
        config = tmp_path / f"{precision}.yaml"
        config.write_text(yaml.safe_dump(given))
        # accelerate keeps one precision for the life of a process.
        run = subprocess.run(
            [sys.executable, "-c", TELL, config], check=True, capture_output=True, text=True
        )
        found[precision] = run.stdout.split()[-2:]
    assert found == {"float32": ["sdpa", "sdpa"], "bfloat16": [IN_FLOAT32, "eager"]}


def test_attention_is_computed_in_float32(model, monkeypatch):
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

    usual, types = ALL_ATTENTION_FUNCTIONS["sdpa"], []

    def listen(module, query, *rest, **options):
        types.append(query.dtype)
        return usual(module, query, *rest, **options)

    monkeypatch.setitem(ALL_ATTENTION_FUNCTIONS, "sdpa", listen)
    attend_quickly(model)
    encode(model, rounded=True).sum().backward()
    assert set(types) == {torch.float32}
    gradients = [p.grad for p in model.vision_encoder.parameters() if p.grad is not None]
    assert gradients
    assert all(torch.isfinite(gradient).all() for gradient in gradients)

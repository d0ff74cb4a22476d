"""The encoder of a CPU finds in views what that of transformers finds, whatever they are."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

from pixelrefer_ros.engine import fused_products
from pixelrefer_ros.engine.encoders.choice import use_encoder_backend
from pixelrefer_ros.engine.encoders.fused import FusedEncoder
from pixelrefer_ros.model.image_processor import View
from pixelrefer_ros.model.pixelrefer import PixelRefer


def make_views(*grids: tuple[int, int], merge: int = 1) -> list[View]:
    noise = np.random.default_rng(len(grids) + merge)
    return [
        View(noise.integers(0, 256, (rows * columns, 588), np.uint8), (rows, columns), merge)
        for rows, columns in grids
    ]


@torch.inference_mode()
def difference(model: PixelRefer, views: list[View]) -> float:
    """Return the largest difference from transformers, relative to the largest feature."""
    expected, found = model.encode_packed(views), FusedEncoder(model).encode(views)
    largest = max(float(feature.abs().max()) for feature in expected)
    for ours, theirs, view in zip(found, expected, views, strict=True):
        assert ours.shape == theirs.shape
        assert ours.dtype == theirs.dtype
        assert len(ours) == view.tokens
    return max(
        float((ours - theirs).abs().max()) / largest
        for ours, theirs in zip(found, expected, strict=True)
    )


@pytest.mark.parametrize(
    "grids",
    [
        [(1, 1)],
        [(24, 24)],
        [(3, 5), (5, 3), (1, 15), (2, 2)],  # equally many patches, other places
        [(8, 8)] * 3 + [(12, 12)] + [(8, 8)] * 2,
        [(1 + 5 * k % 17, 1 + 7 * k % 23) for k in range(17)],
    ],
)
def test_features_equal_transformers(tiny_model, grids):
    assert difference(tiny_model, make_views(*grids)) < 1e-5


def test_merged_views_beside_others(tiny_model):
    views = make_views((4, 6), (2, 2), merge=2) + make_views((3, 5), (2, 2))
    assert difference(tiny_model, views) < 1e-5


def test_bfloat16_differs_by_its_rounding(tiny_model_path):
    model = PixelRefer.from_pretrained(tiny_model_path, dtype=torch.bfloat16)
    if not FusedEncoder.suits(model):
        pytest.skip("this processor has no products in bfloat16")
    assert difference(model, make_views((8, 8), (5, 7))) < 0.05


def test_it_is_what_torch_stands_for_on_a_cpu(tiny_model_path):
    model = PixelRefer.from_pretrained(tiny_model_path)
    use_encoder_backend(model, "torch", "")
    assert isinstance(model.encoder_backend, FusedEncoder)


@pytest.mark.parametrize("lack", ["activation", "operator", "type"])
def test_another_encoder_goes_through_transformers(tiny_model_path, monkeypatch, lack):
    dtype = torch.float16 if lack == "type" else torch.float32
    model = PixelRefer.from_pretrained(tiny_model_path, dtype=dtype)
    if lack == "activation":
        model.vision_encoder.config.hidden_act = "relu"
    if lack == "operator":
        monkeypatch.setattr(fused_products, "OPERATOR", None)
    use_encoder_backend(model, "torch", "")
    assert model.encoder_backend is None


MANY_SIZES = """
import sys
import numpy as np
from pixelrefer_ros.engine.encoders.fused import FusedEncoder
from pixelrefer_ros.model.image_processor import View
from pixelrefer_ros.model.pixelrefer import PixelRefer
def resident_bytes():
    return int(open("/proc/self/statm").read().split()[1]) * 4096
encoder = FusedEncoder(PixelRefer.from_pretrained(sys.argv[1]))
for patches in [1000, *range(100, 900)]:
    encoder.encode([View(np.zeros((patches, 588), np.uint8), (1, patches))])
    if patches == 200:
        before = resident_bytes()
print(resident_bytes() - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_memory_does_not_grow_with_the_sizes_seen(tiny_model_path):
    command = [sys.executable, "-c", MANY_SIZES, str(tiny_model_path)]
    assert int(subprocess.check_output(command, text=True)) < 60_000_000

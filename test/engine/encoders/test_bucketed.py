"""What ONNX Runtime computes of the exported encoder is what torch computes, whatever the views."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pixelrefer_ros.engine.encoders.bucketed import BucketedEncoder
from pixelrefer_ros.engine.encoders.onnx_runtime import OnnxRuntime
from pixelrefer_ros.errors import InferenceError
from pixelrefer_ros.model.image_processor import View


@pytest.fixture(scope="module")
def encoder(tiny_model, exported_encoder) -> BucketedEncoder:
    return BucketedEncoder(
        tiny_model, OnnxRuntime(exported_encoder / "vision_encoder.onnx", torch.device("cpu"))
    )


def make_views(*grids: tuple[int, int], merge: int = 1, seed: int = 0) -> list[View]:
    noise = np.random.default_rng(seed)
    return [
        View(noise.integers(0, 256, (rows * columns, 588), np.uint8), (rows, columns), merge)
        for rows, columns in grids
    ]


@torch.inference_mode()
def difference(model, encoder: BucketedEncoder, views: list[View]) -> float:
    packed = model.encode_views(views)
    found = encoder.encode(views)
    assert [len(feature) for feature in found] == [view.tokens for view in views]
    return max(
        float((feature.unflatten(0, view.feature_grid) - packed[view]).abs().max())
        for feature, view in zip(found, views, strict=True)
    )


@pytest.mark.parametrize(
    "grid", [(1, 1), (1, 63), (8, 8), (5, 13), (1, 127), (8, 16), (3, 43), (16, 16), (24, 24)]
)
def test_one_view_below_at_and_above_the_edge_of_a_bucket(tiny_model, encoder, grid):
    assert difference(tiny_model, encoder, make_views(grid)) < 1e-4


@pytest.mark.parametrize("count", [2, 3, 8, 17])
def test_many_views_of_many_sizes(tiny_model, encoder, count):
    grids = [(1 + 5 * k % 17, 1 + 7 * k % 23) for k in range(count)]
    assert difference(tiny_model, encoder, make_views(*grids)) < 1e-4


def test_more_views_than_go_through_at_once(tiny_model, encoder):
    views = make_views(*[(24, 24)] * 15)  # 14 of 576 patches
    assert difference(tiny_model, encoder, views) < 1e-4


def test_merged_views_beside_others(tiny_model, encoder):
    views = make_views((4, 6), (2, 2), merge=2) + make_views((3, 5), seed=1)
    assert difference(tiny_model, encoder, views) < 1e-4


def test_a_neighbour_and_its_padding_change_nothing(encoder):
    one, other = make_views((3, 3), (7, 9))
    [alone] = encoder.encode([one])
    together, _ = encoder.encode([one, other])
    assert torch.allclose(alone, together, atol=1e-6)


def test_positions_matter(tiny_model, encoder):
    [lying] = make_views((2, 6))
    standing = View(lying.patches, (6, 2))
    found = encoder.encode([lying, standing])
    assert (found[0] - found[1]).abs().max() > 1e-2


def test_a_view_that_is_too_large(encoder):
    with pytest.raises(InferenceError, match="takes at most 8192"):
        encoder.encode(make_views((1, 8193)))

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from region_masks import rectangle

from pixelrefer_ros.errors import EmptyMaskError
from pixelrefer_ros.model.compatibility import Compatibility, Framework
from pixelrefer_ros.model.official import official_config
from pixelrefer_ros.model.region_crop import Box, crop_region, region_scale, relative_position

LITE = Compatibility.official_lite()
FULL = Compatibility.official_full()
PAPER = Compatibility.paper()


def test_recorded_sizes(units):
    for row in units["resize_table"]:
        mask = rectangle(row["h"], row["w"], row["mask_rows"], row["mask_cols"])
        image = np.zeros((*mask.shape, 3), np.uint8)
        for name, framework in (
            ("lite", Framework.OBJECT_ONLY),
            ("full", Framework.VISION_OBJECT),
        ):
            config = replace(official_config(framework, "2B"), region_tokens=row["n"])
            crop = crop_region(image, mask, config)
            box = crop.box
            assert list(crop.image.shape[:2]) == row[name]["object_hw"]
            assert list(crop.grid.shape) == row[name]["grid"]
            parameters = [box.top, box.left, box.bottom, box.right, row["h"], row["w"]]
            assert parameters == row[name]["box_params"]
            selected = int((crop.grid > 0).sum())
            if name == "lite":
                assert selected == row[name]["selected"]
            else:
                assert min(selected, row["n"]) == row[name]["n_tokens"]


def test_recorded_positions(units, unit_arrays):
    for name, given in units["position_args"].items():
        grid = (given["grid_h"], given["grid_w"])
        position = relative_position(
            np.argwhere(np.ones(grid, bool)).astype(np.float32),
            grid,
            Box(*given["box_top_left_bottom_right"]),
            (given["image_h"], given["image_w"]),
            LITE,
        )
        np.testing.assert_allclose(position, unit_arrays[name].reshape(-1, 2), atol=1e-6)


def test_equation_2_enlarges_small_regions():
    # n * Omega = 32 * 196 = 6272 pixels; an eighth of that is enlarged by sqrt(8).
    assert region_scale(784, 32, 196, PAPER) == pytest.approx(math.sqrt(8))
    assert region_scale(784, 32, 196, LITE) == 3
    assert region_scale(784, 32, 196, FULL) == 3


def test_equation_2_reduces_large_regions():
    # 78400 pixels are 400 patches: sqrt(100 / 400) of them stay, the Lite weights want 50.
    assert region_scale(78400, 32, 196, PAPER) == pytest.approx(0.5)
    assert region_scale(78400, 32, 196, FULL) == pytest.approx(0.5)
    assert region_scale(78400, 32, 196, LITE) == pytest.approx(math.sqrt(1 / 8))


def test_equation_2_leaves_the_others():
    # 60 patches lie between n = 32 and 100, but above the 50 of Lite.
    assert region_scale(60 * 196, 32, 196, PAPER) == 1
    assert region_scale(60 * 196, 32, 196, FULL) == 1
    assert region_scale(60 * 196, 32, 196, LITE) == pytest.approx(math.sqrt(50 / 60))


def paper_config(tokens: int):
    config = official_config(Framework.OBJECT_ONLY, "2B")
    return replace(config, region_tokens=tokens, compat="paper")


def test_paper_scales_first_and_then_adds_two_patches():
    # 20 x 40 = 800 pixels, n = 8: s = sqrt(8 * 196 / 800) = 1.4, so the object becomes
    # 28 x 56 pixels = 2 x 4 patches, with 28 / 1.4 = 20 original pixels around it.
    mask = rectangle(100, 200, (40, 60), (80, 120))
    crop = crop_region(np.zeros((100, 200, 3), np.uint8), mask, paper_config(8))
    assert crop.scale == pytest.approx(1.4)
    assert crop.box == Box(top=20, left=60, bottom=79, right=139)
    assert crop.image.shape == (6 * 14, 8 * 14, 3)
    assert np.argwhere(crop.grid > 0).tolist() == [[i, j] for i in (2, 3) for j in (2, 3, 4, 5)]


def test_official_adds_two_patches_first():
    # s = ceil(1.4) = 2; 28 original pixels on every side: 76 x 96, doubled 152 x 192.
    mask = rectangle(100, 200, (40, 60), (80, 120))
    config = replace(official_config(Framework.OBJECT_ONLY, "2B"), region_tokens=8)
    crop = crop_region(np.zeros((100, 200, 3), np.uint8), mask, config)
    assert crop.scale == 2
    assert crop.box == Box(top=12, left=52, bottom=87, right=147)
    assert crop.image.shape == (11 * 14, 14 * 14, 3)


def test_equation_4_by_hand():
    # Cell i = 2, j = 3 of 6 x 8 in the box x = 60..139, y = 20..79 of a 200 x 100 image.
    cell = np.array([[2, 3]], np.float32)
    box = Box(top=20, left=60, bottom=79, right=139)
    ((x, y),) = relative_position(cell, (6, 8), box, (100, 200), PAPER)
    assert x == pytest.approx((60 + 3.5 / 8 * 80) / 200)  # 0.475
    assert y == pytest.approx((20 + 2.5 / 6 * 60) / 100)  # 0.45
    # The released weights: columns run over the vertical extent, rows over the horizontal one.
    ((x, y),) = relative_position(cell, (6, 8), box, (100, 200), LITE)
    assert x == pytest.approx((20 + 3 / 8 * 59) / 199)
    assert y == pytest.approx((60 + 2 / 6 * 79) / 99)


@pytest.mark.parametrize("tokens", [1, 8, 32])
@pytest.mark.parametrize("shape", [(1, 1), (3, 50), (90, 2), (47, 61)])
def test_paper_selects_at_least_n_cells_of_a_small_region(tokens, shape):
    mask = rectangle(120, 160, (20, 20 + shape[0]), (30, 30 + shape[1]))
    crop = crop_region(np.zeros((120, 160, 3), np.uint8), mask, paper_config(tokens))
    assert (crop.grid > 0).sum() >= tokens


def test_an_empty_mask_cannot_be_cropped():
    with pytest.raises(EmptyMaskError, match="120x160"):
        crop_region(np.zeros((120, 160, 3), np.uint8), np.zeros((120, 160), bool), paper_config(8))

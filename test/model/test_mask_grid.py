from __future__ import annotations

import numpy as np
import pytest
import torch

from pixelrefer_ros.model.compatibility import MaskGrid
from pixelrefer_ros.model.mask_grid import (
    covered_grid,
    mask_grid,
    rounded_grid,
    sampled_grid,
    sampling_coordinates,
)
from pixelrefer_ros.model.object_tokenizer import bilinear_corners


@pytest.mark.parametrize("number", range(24))
def test_recorded(unit_arrays, number):
    mask = unit_arrays[f"maskgrid.{number}.mask"] > 0
    sampled = unit_arrays[f"maskgrid.{number}.lite_float"]
    rounded = unit_arrays[f"maskgrid.{number}.full_uint8"]
    np.testing.assert_allclose(sampled_grid(mask, *sampled.shape), sampled, atol=1e-5)
    np.testing.assert_array_equal(sampled_grid(mask, *sampled.shape) > 0, sampled > 0)
    np.testing.assert_array_equal(rounded_grid(mask, *rounded.shape), rounded)


def test_rounded_grid_is_torch_interpolation_in_bytes():
    generator = np.random.default_rng(1)
    for _ in range(50):
        height, width, rows, columns = generator.integers(1, 60, 4)
        mask = generator.random((height, width)) < 0.5
        expected = torch.nn.functional.interpolate(
            torch.from_numpy(mask.astype(np.uint8))[None, None],
            size=(int(rows), int(columns)),
            mode="bilinear",
        )[0, 0].numpy()
        np.testing.assert_array_equal(rounded_grid(mask, rows, columns), expected)


def test_covered_grid_by_hand():
    mask = np.array([[1, 1, 0], [0, 0, 0]], bool)
    # Cells are 1 row high and 1.5 columns wide: pixels {0, half of 1} and {half of 1, 2}.
    expected = [[1.0, 0.5 / 1.5], [0.0, 0.0]]
    np.testing.assert_allclose(covered_grid(mask, 2, 2), expected, atol=1e-12)


def test_covered_grid_never_misses_a_pixel():
    mask = np.zeros((480, 640), bool)
    mask[101, 333] = True
    assert (mask_grid(mask, 5, 7, MaskGrid.COVERED) > 0).sum() == 1
    assert not (mask_grid(mask, 5, 7, MaskGrid.SAMPLED) > 0).any()


@pytest.mark.parametrize(("grid", "finer"), [((4, 5), (9, 7)), ((4, 4), (1, 1)), ((3, 6), (3, 6))])
def test_sampling_coordinates_are_those_of_a_bilinear_resize(grid, finer):
    features = np.random.default_rng(2).random((grid[0] * grid[1], 3)).astype(np.float32)
    cells = np.argwhere(np.ones(finer, bool))
    index, weight = bilinear_corners(sampling_coordinates(cells, finer, grid), grid)
    sampled = (features[index] * weight[..., None]).sum(1)
    resized = torch.nn.functional.interpolate(
        torch.from_numpy(features).T.reshape(1, 3, *grid), size=finer, mode="bilinear"
    )
    np.testing.assert_allclose(sampled, resized[0].flatten(1).T.numpy(), atol=1e-5)

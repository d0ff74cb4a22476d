from __future__ import annotations

import numpy as np
import pytest

from pixelrefer_ros.simulation.looks import (
    BACKDROPS,
    COLOURS,
    LOOKS,
    backdrop,
    glass_texture,
    metal_texture,
    shade,
    wood_texture,
)


@pytest.mark.parametrize("colour", COLOURS)
def test_a_shade_is_nearest_to_its_own_colour(colour):
    random = np.random.default_rng(0)
    bases = np.array(list(COLOURS.values())) / 255
    for _ in range(50):
        distances = np.linalg.norm(bases - shade(colour, random), axis=1)
        assert list(COLOURS)[distances.argmin()] == colour


@pytest.mark.parametrize("kind", BACKDROPS)
def test_backdrops_differ_and_come_back_by_seed(kind):
    one, same, other = (backdrop(kind, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)
    assert one.dtype == np.uint8
    assert one.shape[2] == 3


def test_the_looks_are_told_apart_by_contrast_and_clearness():
    rgb = np.array(COLOURS["red"]) / 255
    metal = metal_texture(rgb)
    wood = wood_texture(rgb, np.random.default_rng(0))
    glass = glass_texture(rgb)
    assert metal.std() > 1.3 * wood.std(axis=(0, 1)).mean()
    assert metal.max() == 255
    assert wood.reshape(-1, 3).std(axis=0).min() > 5
    assert glass.shape[2] == 4
    middle, rim = glass[60:68, 60:68, 3].mean(), glass[60:68, :4, 3].mean()
    assert middle < 130 < 200 < rim


def test_every_look_has_only_colours_that_exist():
    assert all(set(colours) <= set(COLOURS) for colours in LOOKS.values())

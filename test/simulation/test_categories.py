from __future__ import annotations

import numpy as np
import pytest

from pixelrefer_ros.simulation.categories import CATEGORIES, FIXED_PAINTS
from pixelrefer_ros.simulation.looks import LOOKS


def test_there_are_enough_kinds_of_things():
    assert len(CATEGORIES) >= 20
    for look in LOOKS:
        assert sum(look in category.looks for category in CATEGORIES.values()) >= 5


@pytest.mark.parametrize("category", CATEGORIES.values(), ids=str)
def test_each_is_built_on_the_ground_at_the_size_of_household_things(category):
    pieces = category.build(np.random.default_rng(1))
    points = np.concatenate([piece.surface.vertices for piece in pieces])
    assert points[:, 2].min() == pytest.approx(0, abs=0.006)
    assert 0.06 < np.ptp(points, axis=0).max() < 0.32
    assert {piece.paint for piece in pieces} <= {"main", *FIXED_PAINTS}
    assert any(piece.paint == "main" for piece in pieces)
    assert set(category.looks) <= set(LOOKS)


@pytest.mark.parametrize(
    ("category", "parts"),
    [
        ("mug", {"handle"}),
        ("teapot", {"handle", "lid", "spout"}),
        ("bottle", {"cap", "neck"}),
        ("car", {"wheel", "window"}),
        ("chair", {"leg", "back", "seat"}),
    ],
)
def test_parts_have_names(category, parts):
    built = CATEGORIES[category].build(np.random.default_rng(1))
    assert parts <= {piece.part for piece in built}


def test_no_two_things_of_a_kind_are_alike():
    mugs = [CATEGORIES["mug"].build(np.random.default_rng(seed)) for seed in (1, 2)]
    assert not np.allclose(mugs[0][0].surface.vertices, mugs[1][0].surface.vertices)

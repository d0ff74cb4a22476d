from __future__ import annotations

import numpy as np
import pytest
from moving_pictures import HEIGHT, WIDTH, at, overlap, picture

from pixelrefer_ros.errors import CommandError
from pixelrefer_ros.regions.propagation import make_propagator, propagate

BLUE, RED = (30, 60, 220), (220, 40, 30)


def test_both_directions_and_the_frame_pointed_at():
    places = [20, 32, 44, 56, 68]
    images = [picture((x, 40, BLUE)) for x in places]
    tracked = propagate(make_propagator("flow"), images, 2, [at(44, 40)])
    assert len(tracked) == 5
    assert tracked[2][0].score == 1.0
    for x, [found] in zip(places, tracked, strict=True):
        assert overlap(found.mask, at(x, 40)) > 0.8


def test_none_follows_nothing():
    images = [picture((20, 40, BLUE))] * 3
    tracked = propagate(make_propagator("none"), images, 1, [at(20, 40)])
    assert [one.mask is None for [one] in tracked] == [True, False, True]


def test_the_first_and_the_last_frame_can_be_pointed_at():
    images = [picture((20, 40, BLUE))] * 3
    for start in (0, 2):
        tracked = propagate(make_propagator("flow"), images, start, [at(20, 40)])
        assert all(overlap(one.mask, at(20, 40)) > 0.9 for [one] in tracked)


def test_no_object():
    images = [np.zeros((HEIGHT, WIDTH, 3), np.uint8)] * 2
    assert propagate(make_propagator("flow"), images, 0, []) == [[], []]


def test_an_unknown_name():
    with pytest.raises(
        CommandError, match="propagator is 'magic', must be one of flow, sam2, none"
    ):
        make_propagator("magic")

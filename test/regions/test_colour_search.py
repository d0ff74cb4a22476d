from __future__ import annotations

import numpy as np
import pytest
from moving_pictures import GROUND, overlap

from pixelrefer_ros.regions.colour_model import colour_bins, histogram
from pixelrefer_ros.regions.colour_search import find_by_colours
from pixelrefer_ros.regions.optical_flow import FlowPropagator

Bar = tuple[int, int, int, int]
UPRIGHT, LYING = (72, 20, 16, 60), (94, 88, 60, 16)


def where(bar: Bar) -> np.ndarray:
    """Return the mask of a bar: x, y, width, height."""
    x, y, width, height = bar
    mask = np.zeros(GROUND.shape[:2], bool)
    mask[y : y + height, x : x + width] = True
    return mask


def draw(bar: Bar | None, colour: tuple[int, int, int] = (30, 60, 200)) -> np.ndarray:
    """Draw a bar of changing shade on the ground."""
    picture = GROUND.copy()
    if bar is not None:
        shade = np.random.default_rng(1).integers(-25, 25, (where(bar).sum(), 3))
        picture[where(bar)] = np.clip(np.array(colour) + shade, 0, 255)
    return picture


def search(now: np.ndarray, expected: tuple[float, float] = (0.0, 0.0)) -> np.ndarray | None:
    before, mask = draw(UPRIGHT), where(UPRIGHT)
    colours = histogram(colour_bins(before), mask.astype(np.float32))
    area = float(mask.sum())
    return find_by_colours(before, mask, now, colours, area=area, expected=expected)


@pytest.mark.parametrize("bar", [UPRIGHT, LYING, (5, 100, 60, 16)])
def test_a_bar_is_found_wherever_it_turned(bar):
    found = search(draw(bar))
    assert found is not None
    assert found.dtype == np.bool_
    assert overlap(found, where(bar)) > 0.8


def test_of_two_the_nearer_one_is_taken_also_to_where_it_is_expected():
    left, right = (32, 20, 16, 60), (122, 20, 16, 60)
    both = draw(left)
    both[where(right)] = draw(right)[where(right)]
    assert overlap(search(both), where(left)) > 0.8
    assert overlap(search(both, (50.0, 0.0)), where(right)) > 0.8


@pytest.mark.parametrize(
    "now",
    [draw(None), draw(LYING, (200, 40, 30)), draw((70, 70, 9, 9)), draw((0, 0, 160, 120))],
    ids=["gone", "another", "too small", "too large"],
)
def test_what_cannot_be_it_is_not_taken_for_it(now):
    assert search(now) is None


def test_what_falls_over_between_two_frames_is_followed():
    tracker = FlowPropagator(0.5).start(draw(UPRIGHT), [where(UPRIGHT)])
    for _ in range(2):
        [found] = tracker.step(draw(LYING))
        assert overlap(found.mask, where(LYING)) > 0.8
        assert found.score > 0.5
    assert tracker.step(draw(None))[0].mask is None

from __future__ import annotations

import cv2
import numpy as np
import pytest
from moving_pictures import HEIGHT, WIDTH, at, overlap, picture

from pixelrefer_ros.regions.optical_flow import FlowPropagator

BLUE, RED, GREEN = (30, 60, 220), (220, 40, 30), (40, 170, 60)


def test_several_objects_at_once():
    tracker = FlowPropagator(0.5).start(
        picture((10, 20, BLUE), (110, 70, RED)), [at(10, 20), at(110, 70)]
    )
    for step in range(1, 6):
        x, y = 10 + 12 * step, 70 - 8 * step
        blue, red = tracker.step(picture((x, 20, BLUE), (110, y, RED)))
        assert overlap(blue.mask, at(x, 20)) > 0.8
        assert overlap(red.mask, at(110, y)) > 0.8
        assert min(blue.score, red.score) > 0.5


def test_a_jump_further_than_flow_reaches():
    tracker = FlowPropagator(0.5).start(picture((10, 20, BLUE)), [at(10, 20)])
    [found] = tracker.step(picture((55, 30, BLUE)))
    assert overlap(found.mask, at(55, 30)) > 0.8


def test_what_is_hidden_is_lost_and_what_returns_is_found():
    tracker = FlowPropagator(0.5).start(
        picture((20, 40, BLUE), (80, 40, RED)), [at(20, 40), at(80, 40)]
    )
    seen = []
    for x in (50, 80, 80, 110):  # red is in front, and stays
        blue, red = tracker.step(picture((x, 40, BLUE), (80, 40, RED)))
        seen.append(blue.mask is not None)
        assert overlap(red.mask, at(80, 40)) > 0.9
    assert seen == [True, False, False, True]
    assert overlap(blue.mask, at(110, 40)) > 0.8


def test_what_leaves_is_lost_and_what_comes_back_elsewhere_is_found():
    tracker = FlowPropagator(0.5).start(picture((20, 40, BLUE)), [at(20, 40)])
    tracker.step(picture((5, 40, BLUE)))
    for _ in range(3):
        [gone] = tracker.step(picture())
        assert gone.mask is None
        assert gone.score < 0.5
    [back] = tracker.step(picture((120, 80, BLUE)))
    assert overlap(back.mask, at(120, 80)) > 0.8


def test_another_object_in_its_place_is_not_taken_for_it():
    tracker = FlowPropagator(0.5).start(picture((20, 40, BLUE)), [at(20, 40)])
    [found] = tracker.step(picture((20, 40, GREEN)))
    assert found.mask is None


def test_the_threshold_decides():
    before, now = picture((20, 40, BLUE)), picture((20, 40, GREEN))
    [found] = FlowPropagator(0.0).start(before, [at(20, 40)]).step(now)
    assert found.mask is not None
    assert FlowPropagator(1.1).start(before, [at(20, 40)]).step(before)[0].mask is None


@pytest.mark.parametrize("scale", [0.5, 8])
def test_other_sizes_of_pictures(scale):
    def sized(image: np.ndarray) -> np.ndarray:
        size = round(WIDTH * scale), round(HEIGHT * scale)
        return cv2.resize(image, size, interpolation=cv2.INTER_NEAREST)

    def mask(x: int) -> np.ndarray:
        return sized(at(x, 40).astype(np.uint8)) > 0

    tracker = FlowPropagator(0.5).start(sized(picture((20, 40, BLUE))), [mask(20)])
    [found] = tracker.step(sized(picture((36, 40, BLUE))))
    assert found.mask is not None
    assert found.mask.dtype == np.bool_
    assert found.mask.shape == mask(36).shape
    assert overlap(found.mask, mask(36)) > 0.7


def test_an_object_that_vanishes_when_the_picture_is_shrunk_is_lost():
    image = np.zeros((1000, 2000, 3), np.uint8)
    dot = np.zeros((1000, 2000), bool)
    dot[500, 500] = True
    [found] = FlowPropagator(0.5).start(image, [dot]).step(image)
    assert found.mask is None

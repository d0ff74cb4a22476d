from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from pixelrefer_ros.evaluation.following_speed import (
    MovingSquares,
    measure_following,
    sam2_of_random_weights,
)
from pixelrefer_ros.regions.propagation import TrackedMask, make_propagator

CPU = torch.device("cpu")
SCENE = MovingSquares(objects=2, width=160, height=120)


class Hoarder:
    """Remembers every frame it sees, many times over, and never sees the object."""

    def __init__(self) -> None:
        self._kept: list[np.ndarray] = []

    def start(self, image: np.ndarray, masks: list[np.ndarray]) -> Hoarder:
        return self

    def step(self, image: np.ndarray) -> list[TrackedMask]:
        self._kept.append(np.ones(40_000_000, np.uint8))  # too much for what was given back before
        return [TrackedMask(None, 0.0)]


def test_the_squares_move_and_can_be_followed():
    tracker = make_propagator("flow").start(SCENE.picture(0), SCENE.masks(0))
    for number in (1, 2, 3):
        for found, truth in zip(
            tracker.step(SCENE.picture(number)), SCENE.masks(number), strict=True
        ):
            assert found.mask is not None
            assert (found.mask & truth).sum() > 0.8 * (found.mask | truth).sum()
    first, last = SCENE.masks(0)[0], SCENE.masks(3)[0]
    assert first.sum() == last.sum() > (first & last).sum()


def test_memory_that_grows_is_seen():
    found = measure_following(Hoarder(), "hoarder", SCENE, steps=10, device=CPU)
    assert found.growth_bytes > 100_000_000
    assert found.seen == 0.0
    flow = measure_following(make_propagator("flow"), "flow", SCENE, steps=10, device=CPU)
    assert flow.growth_bytes < 50_000_000
    assert flow.seen == 1.0
    assert flow.start_s > 0


@pytest.mark.parametrize("objects", [1, 20])
def test_squares_do_not_overlap_nor_leave_the_picture(objects):
    scene = MovingSquares(objects, 640, 480)
    for number in range(12):
        masks = scene.masks(number)
        assert sum(mask.sum() for mask in masks) == objects * 96 * 96
        assert np.logical_or.reduce(masks).sum() == objects * 96 * 96


def test_sam2_of_random_weights_has_the_size_of_the_tiny_form():
    with sam2_of_random_weights() as folder:
        [weights] = Path(folder).glob("*.safetensors")
        assert weights.stat().st_size == pytest.approx(4 * 38_962_498, rel=0.01)
    assert not Path(folder).exists()

from __future__ import annotations

import cv2
import numpy as np
import pytest
from moving_pictures import GROUND, overlap

from pixelrefer_ros.regions.point_search import find_at_points

TOP, LEFT, SIDE, STRIPE = 150, 200, 72, 6


def striped(scale: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Draw a square of blue and red stripes on 480 x 360 pixels; return picture and mask."""
    picture = np.tile(GROUND, (3, 3, 1))
    rows, columns = np.mgrid[: picture.shape[0], : picture.shape[1]]
    mask = (rows >= TOP) & (rows < TOP + SIDE) & (columns >= LEFT) & (columns < LEFT + SIDE)
    is_red = columns // STRIPE % 2 == 0
    picture[mask & is_red] = (200, 40, 30)
    picture[mask & ~is_red] = (30, 60, 200)
    size = round(picture.shape[1] * scale), round(picture.shape[0] * scale)
    big = cv2.resize(picture, size, interpolation=cv2.INTER_NEAREST)
    return big, cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0


@pytest.mark.parametrize("scale", [0.5, 1.0, 4.0])
@pytest.mark.parametrize("points", [[(237, 186)], [(220, 170), (255, 200)]])
def test_a_point_on_a_pattern_finds_all_of_it(scale, points):
    picture, mask = striped(scale)
    found = find_at_points(picture, scale * np.array(points))
    assert found.dtype == np.bool_
    assert overlap(found, mask) > 0.85


def test_a_picture_without_any_edge_gives_something_round_the_point():
    found = find_at_points(np.full((120, 160, 3), 90, np.uint8), np.array([[80.0, 60.0]]))
    assert found[60, 80]


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (2, 3), (8, 600)])
def test_the_smallest_pictures(shape):
    picture = np.random.default_rng(0).integers(0, 256, (*shape, 3)).astype(np.uint8)
    for x, y in ((0.0, 0.0), (float(shape[1]), float(shape[0]))):
        found = find_at_points(picture, np.array([[x, y]]))
        assert found.shape == shape
        assert found[min(int(y), shape[0] - 1), min(int(x), shape[1] - 1)]

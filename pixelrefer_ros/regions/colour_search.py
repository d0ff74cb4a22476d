"""Find an object again by its colours alone, where it turned or went too far for flow.

What falls over looks like nothing it was before, but has its colours. The place is where a disc of
the object's area holds most that has them and the rest of the picture has not; the object is what
has them around there.
"""

from __future__ import annotations

import cv2
import numpy as np

from pixelrefer_ros.regions.colour_model import Floats, colour_bins, evidence, histogram
from pixelrefer_ros.regions.reference import Image, Mask
from pixelrefer_ros.regions.windows import Window

REACH = 0.5
"""How far is searched: in longest sides of the picture."""
DISTANCE_COST = 0.5
"""Evidence that the farthest place must gain."""
AROUND = 0.8
"""How far the object may reach from the place: in longer sides of its box."""
LEAST_EVIDENCE = 1.0
"""For a pixel to belong to the object."""
SMALLEST_PIECE = 0.25
"""Of the largest piece, from which on another one belongs to the object too."""
SMALLEST, LARGEST = 0.4, 2.0
"""Area of what may be the object: in its usual area."""
EDGE = 1.5
"""Deviation, in pixels, over which evidence is smoothed."""


def find_by_colours(
    before: Image,
    mask: Mask,
    now: Image,
    colours: Floats,
    *,
    area: float,
    expected: tuple[float, float],
) -> Mask | None:
    """Return where on picture `now` the object is, bool [H, W]; None where nothing is like it.

    mask: where it was on picture `before`. colours: its histogram where it was pointed at.
    area: pixels it usually has. expected: x and y by which it may have moved, pixels.
    """
    likeness = _likeness(before, mask, now, colours)
    box = Window.around(mask)
    x, y = _densest(likeness, box.middle, area, expected)
    distance = _distances(likeness, (x, y))
    near = distance <= AROUND * max(box.width, box.height)
    found = near & (cv2.GaussianBlur(likeness, (0, 0), EDGE) > LEAST_EVIDENCE)
    count, labels, pieces, _ = cv2.connectedComponentsWithStats(found.astype(np.uint8))
    areas = pieces[:, cv2.CC_STAT_AREA]
    if count < 2:
        return None
    kept = [k for k in range(1, count) if areas[k] >= SMALLEST_PIECE * areas[1:].max()]
    if not SMALLEST * area <= areas[kept].sum() <= LARGEST * area:
        return None
    return np.isin(labels, kept)


def _likeness(before: Image, mask: Mask, now: Image, colours: Floats) -> Floats:
    """Return how much the colour of each pixel speaks for the object, [H, W]."""
    bins = colour_bins(before)
    object_now = (colours + histogram(bins, mask.astype(np.float32))) / 2
    away = cv2.dilate(mask.astype(np.uint8), np.ones((5, 5), np.uint8)) == 0
    rest = histogram(bins, away.astype(np.float32))
    return evidence(colour_bins(now), np.asarray(object_now, np.float32), rest)


def _densest(
    likeness: Floats, start: tuple[float, float], area: float, expected: tuple[float, float]
) -> tuple[int, int]:
    """Return x and y of the middle of the disc with most evidence for the object."""
    diameter = max(3, round((4 * area / np.pi) ** 0.5) | 1)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (diameter, diameter)).astype(np.float32)
    mean = cv2.filter2D(likeness, -1, disc / disc.sum(), borderType=cv2.BORDER_CONSTANT)
    there = start[0] + expected[0], start[1] + expected[1]
    distance = np.minimum(_distances(likeness, start), _distances(likeness, there))
    reach = REACH * max(likeness.shape)
    worth = np.where(distance <= reach, mean - DISTANCE_COST * distance / reach, -np.inf)
    row, column = np.unravel_index(int(worth.argmax()), worth.shape)
    return int(column), int(row)


def _distances(picture: Floats, point: tuple[float, float]) -> Floats:
    """Return how far each pixel is from a point, [H, W]."""
    x = np.arange(picture.shape[1]) - point[0]
    y = np.arange(picture.shape[0])[:, None] - point[1]
    return np.asarray(np.hypot(x, y), np.float32)

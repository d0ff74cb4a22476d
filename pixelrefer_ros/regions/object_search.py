"""Find where an object went, as a whole: the displacement at which it looks most like before."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pixelrefer_ros.regions.reference import Image, Mask
from pixelrefer_ros.regions.windows import Window

LONGEST_SIDE = 32
"""Pixels of the object's box while it is searched; larger ones are shrunk."""
LARGEST_AREA = 200_000
"""Pixels of the picture while it is searched: a small object is shrunk with it."""
DISTANCE_COST = 25.0
"""Grey levels that a displacement as long as the search is wide must gain."""
BEYOND_BORDER = 0.4
"""Share of the object that may lie outside of the picture."""


def find_displacement(
    before: Image, mask: Mask, now: Image, expected: tuple[float, float], reach: int
) -> tuple[int, int]:
    """Return x and y by which the object moved from picture `before` to `now`, pixels.

    mask: bool [H, W] of the object on `before`. Searched is up to `reach` pixels away. What is near
    to where it was, or `expected` to have moved to, is preferred.
    """
    box = Window.around(mask)
    height, width = now.shape[:2]
    over = round(BEYOND_BORDER * min(box.width, box.height))
    field = Window(
        max(box.left - reach, -over),
        max(box.top - reach, -over),
        min(box.right + reach, width + over),
        min(box.bottom + reach, height + over),
    )
    scale = min(1.0, LONGEST_SIDE / max(box.width, box.height))
    scale = min(scale, (LARGEST_AREA / (field.width * field.height)) ** 0.5)
    inside = _shrink(box.cut(mask).astype(np.float32), scale) > 0.5
    look = _shrink(box.cut(before), scale)
    place = _shrink(field.cut(now, repeat_border=True), scale)
    if not inside.any() or place.shape[0] < look.shape[0] or place.shape[1] < look.shape[1]:
        return 0, 0
    weights = np.dstack([inside] * 3).astype(np.float32)
    squares = cv2.matchTemplate(
        place.astype(np.float32), look.astype(np.float32), cv2.TM_SQDIFF, mask=weights
    )
    difference = np.sqrt(np.maximum(squares, 0) / weights.sum())
    x = np.arange(difference.shape[1]) / scale + field.left - box.left
    y = np.arange(difference.shape[0])[:, None] / scale + field.top - box.top
    distance = np.minimum(np.hypot(x, y), np.hypot(x - expected[0], y - expected[1]))
    cost = difference + DISTANCE_COST * distance / reach
    row, column = np.unravel_index(int(cost.argmin()), cost.shape)
    return round(float(x[column])), round(float(y[row, 0]))


def _shrink(picture: NDArray[Any], scale: float) -> NDArray[Any]:
    if scale == 1.0:
        return picture
    size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))

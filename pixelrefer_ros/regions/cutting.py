"""OpenCV's GrabCut at a bounded size: from marks, what may be the object, to the object's mask."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pixelrefer_ros.regions.reference import Image, Mask

LONGEST_SIDE = 160
"""Pixels of the part of a picture that is cut; larger ones are shrunk."""
ITERATIONS = 3
SURE_RADIUS = 0.02
"""Around a point, in longest sides of the part: certainly the object."""

BACKGROUND, OBJECT, PERHAPS_BACKGROUND, PERHAPS_OBJECT = 0, 1, 2, 3
"""How `cv2.grabCut` marks pixels."""


def cut_out(part: Image, marks: NDArray[np.uint8], points: NDArray[np.float64]) -> Mask:
    """Return the object on `part` of a picture, uint8 RGB [H, W, 3], as bool [H, W].

    marks: [H, W] of the four numbers above. points: [points, 2], x and y inside the object.
    """
    height, width = part.shape[:2]
    scale = min(1.0, LONGEST_SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = np.ascontiguousarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA))
    marks = np.ascontiguousarray(cv2.resize(marks, size, interpolation=cv2.INTER_NEAREST))
    radius = max(1, round(SURE_RADIUS * max(size)))
    for x, y in to_pixels(points * scale, small.shape):
        cv2.circle(marks, (x, y), radius, OBJECT, -1)
    object_marks = (marks == OBJECT) | (marks == PERHAPS_OBJECT)
    if object_marks.any() and not object_marks.all():
        models = np.zeros((1, 65)), np.zeros((1, 65))
        cv2.grabCut(small, marks, (0, 0, 0, 0), *models, ITERATIONS, cv2.GC_INIT_WITH_MASK)
        object_marks = (marks == OBJECT) | (marks == PERHAPS_OBJECT)
    soft = cv2.resize(
        object_marks.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR
    )
    return np.asarray(soft > 0.5)


def to_pixels(points: NDArray[np.float64], shape: tuple[int, ...]) -> list[tuple[int, int]]:
    """Return column and row of the pixels that hold the points."""
    limits = shape[1] - 1, shape[0] - 1
    return [(int(min(x, limits[0])), int(min(y, limits[1]))) for x, y in points]

"""Find the object in a box, or around points, by its colours: OpenCV's GrabCut, without weights.

The time is bounded: what is larger than `LONGEST_SIDE` is shrunk first. Where GrabCut finds next to
nothing, or everything, the box is taken as it is.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pixelrefer_ros.errors import EmptyMaskError
from pixelrefer_ros.regions.reference import Image, Mask, Region
from pixelrefer_ros.regions.windows import Window

LONGEST_SIDE = 160
"""Pixels of the box and its surroundings while they are cut; larger ones are shrunk."""
MARGIN, SMALLEST_MARGIN = 0.25, 8
"""Around the box: in its longer side, and pixels."""
ITERATIONS = 3
SMALLEST_SHARE = 0.15
"""Of the box, below which what was found is not believed."""
SURE_RADIUS = 0.02
"""Around a point, in longest sides of the surroundings: certainly the object."""
POINT_REACH = 0.2
"""How far from the points an object may reach without a box: in longest sides of the image."""
POINT_TOLERANCE = 45
"""Grey levels from the colour at a point up to which the object is grown at first."""

BACKGROUND, OBJECT, PERHAPS_BACKGROUND, PERHAPS_OBJECT = 0, 1, 2, 3
"""How `cv2.grabCut` marks pixels."""


class GrabCut:
    """Cuts objects out by colour. Masks and polygons are returned as they are."""

    def segment(self, image: Image, region: Region, *, name: str = "region") -> Mask:
        """Return the mask of the object; see `Segmenter`."""
        height, width = image.shape[:2]
        points = region.check_points(height, width, name=name)
        if region.polygon is not None or region.mask is not None:
            return region.to_mask(height, width, name=name)
        if len(points) and region.box is None:
            return _cut_around_points(image, points, name)
        given = region.to_mask(height, width, name=name)
        box = Window.around(given)
        margin = max(SMALLEST_MARGIN, round(MARGIN * max(box.width, box.height)))
        field = box.grown(margin).within(height, width)
        marks = np.where(field.cut(given), PERHAPS_OBJECT, BACKGROUND).astype(np.uint8)
        found = np.zeros_like(given)
        field.paste(_cut(field.cut(image), marks, points - (field.left, field.top)), found)
        found &= given
        return found if found.sum() >= SMALLEST_SHARE * given.sum() else given


def _cut_around_points(image: Image, points: NDArray[np.float64], name: str) -> Mask:
    """Grow from the points over what looks alike, then let GrabCut decide."""
    height, width = image.shape[:2]
    reach = round(POINT_REACH * max(height, width))
    low, high = np.floor(points.min(axis=0)).astype(int), np.ceil(points.max(axis=0)).astype(int)
    field = Window(*low.tolist(), *high.tolist()).grown(reach).within(height, width)
    part, moved = np.ascontiguousarray(field.cut(image)), points - (field.left, field.top)
    marks = np.full(part.shape[:2], PERHAPS_BACKGROUND, np.uint8)
    smooth = cv2.GaussianBlur(part, (0, 0), 1.5)
    for x, y in _pixels(moved, part.shape):
        grown = np.zeros((part.shape[0] + 2, part.shape[1] + 2), np.uint8)
        tolerance = (POINT_TOLERANCE,) * 3
        flags = 8 | cv2.FLOODFILL_MASK_ONLY | cv2.FLOODFILL_FIXED_RANGE | (1 << 8)
        cv2.floodFill(smooth, grown, (x, y), 0, tolerance, tolerance, flags)
        marks[grown[1:-1, 1:-1] > 0] = PERHAPS_OBJECT
    for edge in (marks[0], marks[-1], marks[:, 0], marks[:, -1]):
        edge[:] = BACKGROUND
    cut = _touching(_cut(part, marks, moved), _pixels(moved, part.shape))
    found = np.zeros((height, width), np.bool_)
    field.paste(cut, found)
    if not found.any():
        raise EmptyMaskError(f"{name}: no object is found at the points, point with a box")
    return found


def _cut(part: Image, marks: NDArray[np.uint8], points: NDArray[np.float64]) -> Mask:
    """Run GrabCut on `part`, marked as `cv2.grabCut` wants it; `points` are inside the object."""
    height, width = part.shape[:2]
    scale = min(1.0, LONGEST_SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = np.ascontiguousarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA))
    marks = np.ascontiguousarray(cv2.resize(marks, size, interpolation=cv2.INTER_NEAREST))
    radius = max(1, round(SURE_RADIUS * max(size)))
    for x, y in _pixels(points * scale, small.shape):
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


def _pixels(points: NDArray[np.float64], shape: tuple[int, ...]) -> list[tuple[int, int]]:
    """Return column and row of the pixels that hold the points."""
    limits = shape[1] - 1, shape[0] - 1
    return [(int(min(x, limits[0])), int(min(y, limits[1]))) for x, y in points]


def _touching(mask: Mask, pixels: list[tuple[int, int]]) -> Mask:
    """Return the connected pieces of a mask that hold one of the pixels."""
    _, labels = cv2.connectedComponents(mask.astype(np.uint8))
    wanted = {int(labels[y, x]) for x, y in pixels} - {0}
    return np.isin(labels, list(wanted))

"""What a user points at on one frame, and the mask that a box, a polygon or a mask stands for.

Pixel (column i, row j) covers x from i to i + 1 and y from j to j + 1: the image reaches from
(0, 0) to (width, height), and the polygon through the corners of a box covers the box's pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import index
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelrefer_ros.errors import EmptyMaskError, InvalidRegionError

Mask = NDArray[np.bool_]

Image = NDArray[np.uint8]
"""RGB [height, width, 3]."""

MAX_POLYGON_POINTS = 10_000
MAX_POINTS = 100


@dataclass(frozen=True)
class Region:
    """One region on one frame, in pixels of the original image.

    Either `polygon`, or `box`, or `mask`, or `box` and `mask` together, or `points` with or
    without `box`. Regions with the same `object_id` on several frames are the same object.
    """

    frame: int = 0
    """Index into the frames of the query."""
    object_id: str = ""
    box: tuple[int, int, int, int] | None = None
    """x, y, width, height."""
    polygon: Sequence[tuple[float, float]] | None = None
    """At least 3 points (x, y), in order round the region; closed by itself."""
    mask: NDArray[Any] | None = None
    """Bool or integer, non-zero = inside. [H, W], or [box height, box width] with `box`."""
    points: Sequence[tuple[float, float]] | None = None
    """Points (x, y) inside the object, for a segmenter to start from."""

    def to_mask(self, height: int, width: int, *, name: str = "region") -> Mask:
        """Return the region on an image of `height` x `width` as a new bool [H, W].

        It is taken as given: a box is filled, points in it are only checked. A segmenter finds the
        object itself (`segmentation.py`).

        Raises `InvalidRegionError` where the region does not fit the image or is points alone, and
        `EmptyMaskError` where it covers no pixel; their messages start with `name`.
        """
        if self.points is not None:
            self.check_points(height, width, name=name)
            if self.box is None:
                raise InvalidRegionError(
                    f"{name}: points need a segmenter: choose grabcut or sam2, or point with a "
                    "box, polygon or mask"
                )
        if self.polygon is not None:
            if self.box is not None or self.mask is not None:
                raise InvalidRegionError(
                    f"{name}: polygon is given together with box or mask, only one may be"
                )
            limits = (3, MAX_POLYGON_POINTS)
            points = _check_coordinates(self.polygon, limits, height, width, name, "polygon")
            mask = _fill_polygon(points, height, width)
        elif self.box is not None:
            x, y, box_width, box_height = _check_box(self.box, height, width, name)
            mask = np.zeros((height, width), np.bool_)
            inside = mask[y : y + box_height, x : x + box_width]
            inside[:] = (
                True
                if self.mask is None
                else _check_mask(self.mask, box_height, box_width, name, "box")
            )
        elif self.mask is not None:
            mask = np.ascontiguousarray(_check_mask(self.mask, height, width, name, "image"))
        else:
            raise InvalidRegionError(f"{name}: no box, polygon or mask is given, one is needed")
        if not mask.any():
            shape = "mask" if self.polygon is None else "polygon"
            raise EmptyMaskError(f"{name}: {shape} covers 0 pixels, at least 1 is needed")
        return mask

    def check_points(self, height: int, width: int, *, name: str = "region") -> NDArray[np.float64]:
        """Return the points as [points, 2], x and y; none gives [0, 2].

        Raises `InvalidRegionError` where they do not fit the image, the box or the other fields.
        """
        if self.points is None:
            return np.zeros((0, 2))
        if self.polygon is not None or self.mask is not None:
            raise InvalidRegionError(
                f"{name}: points are given together with polygon or mask, only with box they may be"
            )
        points = _check_coordinates(self.points, (1, MAX_POINTS), height, width, name, "points")
        if self.box is not None:
            x, y, box_width, box_height = _check_box(self.box, height, width, name)
            inside = (points >= (x, y)) & (points <= (x + box_width, y + box_height))
            if not inside.all():
                first = int((~inside).any(axis=1).argmax())
                raise InvalidRegionError(
                    f"{name}: points[{first}] is ({points[first, 0]:g}, {points[first, 1]:g}), the "
                    f"box reaches from ({x}, {y}) to ({x + box_width}, {y + box_height})"
                )
        return points


def _check_box(
    box: tuple[int, int, int, int], height: int, width: int, name: str
) -> tuple[int, int, int, int]:
    try:
        x, y, box_width, box_height = (index(number) for number in box)
    except (TypeError, ValueError) as error:
        raise InvalidRegionError(
            f"{name}: box is {box}, needs 4 whole numbers x, y, width, height"
        ) from error
    for axis, start, extent_name, extent, limit in (
        ("x", x, "width", box_width, width),
        ("y", y, "height", box_height, height),
    ):
        if extent < 1:
            raise InvalidRegionError(
                f"{name}: box {extent_name} is {extent}, must be at least 1 pixel"
            )
        if start < 0 or start + extent > limit:
            raise InvalidRegionError(
                f"{name}: box covers {axis} {start} to {start + extent}, "
                f"the image {axis} 0 to {limit}"
            )
    return x, y, box_width, box_height


def _check_mask(mask: NDArray[Any], height: int, width: int, name: str, frame: str) -> Mask:
    mask = np.asarray(mask)
    if mask.dtype != np.bool_ and not np.issubdtype(mask.dtype, np.integer):
        raise InvalidRegionError(
            f"{name}: mask has dtype {mask.dtype}, must be bool or integer: apply a threshold first"
        )
    if mask.ndim != 2:
        raise InvalidRegionError(
            f"{name}: mask has {mask.ndim} dimensions {list(mask.shape)}, must have 2"
        )
    if mask.shape != (height, width):
        raise InvalidRegionError(
            f"{name}: mask is {mask.shape[1]} x {mask.shape[0]} pixels, "
            f"the {frame} is {width} x {height}"
        )
    inside: Mask = mask != 0
    return inside


def _check_coordinates(
    coordinates: Sequence[tuple[float, float]],
    limits: tuple[int, int],
    height: int,
    width: int,
    name: str,
    field: str,
) -> NDArray[np.float64]:
    least, most = limits
    if not least <= len(coordinates) <= most:
        raise InvalidRegionError(
            f"{name}: {field} has {len(coordinates)} points, needs {least} to {most}"
        )
    try:
        points = np.asarray(coordinates, np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidRegionError(f"{name}: {field} is not a list of (x, y): {error}") from error
    if points.ndim != 2 or points.shape[1] != 2:
        raise InvalidRegionError(
            f"{name}: {field} has shape {list(points.shape)}, needs [points, 2]"
        )
    # A comparison with NaN is false, so this finds it too.
    outside = ~((points >= 0.0) & (points <= (width, height))).all(axis=1)
    if outside.any():
        first = int(outside.argmax())
        x, y = points[first]
        raise InvalidRegionError(
            f"{name}: {field}[{first}] is ({x:g}, {y:g}), the image reaches from (0, 0) "
            f"to ({width}, {height})"
        )
    return points


def _fill_polygon(points: NDArray[np.float64], height: int, width: int) -> Mask:
    """Return bool [H, W]: the pixels whose centre lies inside, by the even-odd rule.

    Every edge crosses the centre lines of some columns; in a column, a pixel is inside when an odd
    number of crossings lies above it. Centres on a left or upper edge count as inside, so polygons
    that share an edge share no pixel. (`cv2.fillPoly` also fills every pixel an edge touches, which
    makes small regions a pixel too large.)
    """
    following = np.roll(points, -1, axis=0)
    rightward = (points[:, 0] <= following[:, 0])[:, None]
    left = np.where(rightward, points, following)
    right = np.where(rightward, following, points)
    first_column = np.ceil(left[:, 0] - 0.5).astype(np.int64)
    counts = np.ceil(right[:, 0] - 0.5).astype(np.int64) - first_column

    edge = np.repeat(np.arange(len(points)), counts)
    first_crossing = np.repeat(np.cumsum(counts) - counts, counts)
    column = first_column[edge] + np.arange(len(edge)) - first_crossing
    along = (column + 0.5 - left[edge, 0]) / (right[edge, 0] - left[edge, 0])
    y = left[edge, 1] + along * (right[edge, 1] - left[edge, 1])
    row = np.ceil(y - 0.5).astype(np.int64)

    crossings = np.zeros((height + 1, width), np.uint8)
    np.add.at(crossings, (row, column), 1)
    crossings &= 1
    for below in range(1, height):  # five times faster than bitwise_xor.accumulate
        crossings[below] ^= crossings[below - 1]
    return crossings[:height].view(np.bool_)

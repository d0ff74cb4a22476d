"""Masks as data sets write them: COCO run-length encoding, plain or compressed, and polygons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelrefer_ros.errors import DatasetError, PixelReferError
from pixelrefer_ros.regions.reference import Region

Mask = NDArray[np.bool_]

FIRST_CHARACTER = 48
MOST_OVERSHOOT = 2.0
"""Pixels by which the tools of annotators go beyond the border."""
SMALLEST_POLYGON = 6
LARGEST_SHIFT = 60
"""No run of a picture is as long as 2 ** 60; without an end, a number would take for ever."""


def decode_mask(value: Any, height: int, width: int) -> Mask:
    """Return bool [height, width] from what a data set holds for one region on one image.

    value: {"size": [height, width], "counts": text or list}, one polygon [x, y, x, y, ...], a list
        of such polygons whose union is meant, or {"segmentation": any of these}.
    Raises `DatasetError` for anything else, for another size, or if no pixel is covered.
    """
    if isinstance(value, Mapping) and "segmentation" in value:
        value = value["segmentation"]
    if isinstance(value, Mapping):
        mask = _decode_runs(value, height, width)
    elif isinstance(value, Sequence) and value and not isinstance(value, str):
        polygons = [value] if isinstance(value[0], (int, float)) else value
        mask = np.zeros((height, width), np.bool_)
        for polygon in polygons:
            mask |= _fill(polygon, height, width)
    else:
        raise DatasetError(f"a mask is {value!r}, must be run lengths or polygons")
    if not mask.any():
        raise DatasetError(f"a mask of {height}x{width} pixels covers none")
    return mask


def decode_counts(text: str) -> list[int]:
    """Return the run lengths of COCO's compressed form.

    Each character holds 6 bits above `0`: 5 of the number, lowest first, and whether more follow.
    The number has a sign, and from the fourth run on it is the difference to the run two before.
    """
    counts: list[int] = []
    value = shift = 0
    for character in text:
        bits = ord(character) - FIRST_CHARACTER
        if not 0 <= bits < 64:
            raise DatasetError(f"the counts of a mask hold the character {character!r}")
        if shift > LARGEST_SHIFT:
            raise DatasetError("the counts of a mask hold a number that is too large")
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            continue
        if bits & 16:
            value -= 1 << shift
        counts.append(value + counts[-2] if len(counts) > 2 else value)
        value = shift = 0
    if shift:
        raise DatasetError("the counts of a mask end within a number")
    return counts


def _decode_runs(value: Mapping[str, Any], height: int, width: int) -> Mask:
    size, counts = value.get("size"), value.get("counts")
    if size != [height, width]:
        raise DatasetError(f"a mask has size {size}, its image [{height}, {width}]")
    if isinstance(counts, str):
        counts = decode_counts(counts)
    pixels = height * width
    if not isinstance(counts, list) or not all(
        isinstance(n, int) and 0 <= n <= pixels for n in counts
    ):
        raise DatasetError(
            f"the counts of a mask are neither text nor whole numbers from 0 to {pixels}"
        )
    if sum(counts) != pixels:
        raise DatasetError(
            f"the counts of a mask add up to {sum(counts)}, its image has {pixels} pixels"
        )
    inside = np.arange(len(counts)) % 2 == 1
    mask: Mask = np.repeat(inside, counts).reshape(width, height).T
    return mask


def _fill(polygon: Any, height: int, width: int) -> Mask:
    try:
        numbers = np.asarray(polygon, np.float64)
    except (TypeError, ValueError, OverflowError):
        numbers = np.zeros(0)
    if numbers.ndim != 1 or numbers.size % 2 or numbers.size < SMALLEST_POLYGON:
        raise DatasetError(f"a polygon is {polygon!r:.80}, must be [x, y, x, y, x, y, ...]")
    corners = numbers.reshape(-1, 2)
    beyond = np.maximum(-corners, corners - (width, height)).max()
    if beyond > MOST_OVERSHOOT:
        raise DatasetError(
            f"a polygon is {beyond:.0f} pixels beyond the {width}x{height} pixels of its picture, "
            f"at most {MOST_OVERSHOOT:g} are taken for rounding; it is of a picture of another size"
        )
    corners = np.clip(corners, 0, (width, height))
    points = [(float(x), float(y)) for x, y in corners]
    try:
        return Region(polygon=points).to_mask(height, width, name="a polygon")
    except PixelReferError as error:
        raise DatasetError(str(error)) from error

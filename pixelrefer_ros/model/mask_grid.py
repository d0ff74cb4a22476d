"""From a mask in pixels to a mask on the patch grid: three rules."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pixelrefer_ros.model.compatibility import MaskGrid

Mask = NDArray[np.bool_]
Grid = NDArray[np.uint8] | NDArray[np.float32] | NDArray[np.float64]


def mask_grid(mask: Mask, rows: int, columns: int, rule: MaskGrid) -> Grid:
    """Bring `mask` [height, width] to [rows, columns]; cells above zero belong to the object."""
    if rule is MaskGrid.SAMPLED:
        return sampled_grid(mask, rows, columns)
    if rule is MaskGrid.ROUNDED:
        return rounded_grid(mask, rows, columns)
    return covered_grid(mask, rows, columns)


def sampled_grid(mask: Mask, rows: int, columns: int) -> NDArray[np.float32]:
    """Sample the mask bilinearly at the centre of each cell, as OpenCV resizes float32."""
    values = mask.astype(np.float32)
    for axis, size in enumerate((rows, columns)):
        first, fraction = _sampled_positions(values.shape[axis], size)
        second = np.minimum(first + 1, values.shape[axis] - 1)
        fraction = np.expand_dims(fraction, 1 - axis)
        values = values.take(first, axis) * (1 - fraction) + values.take(second, axis) * fraction
    return values


def _sampled_positions(length: int, cells: int) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    # The detour over the inverse and float32 decides on which side of a pixel a sample falls.
    step = 1.0 / (cells / length)
    position = ((np.arange(cells) + 0.5) * step - 0.5).astype(np.float32)
    first = np.floor(position)
    fraction = position - first
    fraction[(first < 0) | (first >= length - 1)] = 0
    return first.clip(0, length - 1).astype(np.intp), fraction


def rounded_grid(mask: Mask, rows: int, columns: int) -> NDArray[np.uint8]:
    """Interpolate bilinearly in bytes, rounding after the columns and again after the rows.

    These are the integer weights of torch's uint8 interpolation.
    """
    values = mask.astype(np.int64)
    for axis, size in ((1, columns), (0, rows)):
        if values.shape[axis] != size:
            values = _interpolate_rounded(values, axis, size)
    return values.astype(np.uint8)


def _interpolate_rounded(values: NDArray[np.int64], axis: int, size: int) -> NDArray[np.int64]:
    length = values.shape[axis]
    position = np.maximum((np.arange(size) + 0.5) * length / size - 0.5, 0)
    first = np.floor(position).astype(np.intp)
    second = np.minimum(first + 1, length - 1)
    fraction = position - first
    largest = max((1 - fraction).max(), fraction.max())
    bits = 0
    while int(0.5 + largest * 2 ** (bits + 1)) < 2**15:
        bits += 1
    weights = [np.floor(w * 2**bits + 0.5).astype(np.int64) for w in (1 - fraction, fraction)]
    lower, upper = (np.expand_dims(w, 1 - axis) for w in weights)
    total = lower * values.take(first, axis) + upper * values.take(second, axis)
    rounded: NDArray[np.int64] = (total + 2 ** (bits - 1)) >> bits
    return rounded


def covered_grid(mask: Mask, rows: int, columns: int) -> NDArray[np.float64]:
    """Return the share of each cell that the mask covers, 0..1."""
    vertical = _overlap(mask.shape[0], rows)
    horizontal = _overlap(mask.shape[1], columns)
    share: NDArray[np.float64] = vertical @ mask.astype(np.float64) @ horizontal.T
    return share


def _overlap(length: int, cells: int) -> NDArray[np.float64]:
    """Return [cells, length]: which share of a cell each pixel takes."""
    edges = np.arange(cells + 1) * (length / cells)
    pixels = np.arange(length)
    start = np.maximum(edges[:-1, None], pixels)
    end = np.minimum(edges[1:, None], pixels + 1)
    # Below a millionth of a pixel an overlap is a rounding error of the edges.
    overlap = np.where(end - start > 1e-6, end - start, 0)
    return overlap / (length / cells)


def sampling_coordinates(
    cells: NDArray[np.intp], grid: tuple[int, ...], feature_grid: tuple[int, int]
) -> NDArray[np.float32]:
    """Return where cells [K, 2] of the mask grid lie on the feature grid, in feature cells.

    Bilinear samples at these places are what resizing the features to the mask grid would give
    (half-pixel centres, clamped at the border). Whole numbers if both grids are equal.
    """
    source = np.asarray(feature_grid, np.float32)
    centres = cells.astype(np.float32) + 0.5
    return (centres * (source / np.asarray(grid, np.float32)) - 0.5).clip(0, source - 1)

"""Cutting an object out: its scale (Eq. 2), its cells (Eq. 3) and where they lie (Eq. 4)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pixelrefer_ros.errors import EmptyMaskError, InvalidRegionError
from pixelrefer_ros.model.compatibility import Compatibility
from pixelrefer_ros.model.configuration import PixelReferConfig
from pixelrefer_ros.model.image_processor import Image
from pixelrefer_ros.model.mask_grid import Grid, Mask, mask_grid


@dataclass(frozen=True)
class Box:
    """The padded bounding box of a mask; rows top..bottom, columns left..right, all inclusive."""

    top: int
    left: int
    bottom: int
    right: int


@dataclass(frozen=True, eq=False)
class RegionCrop:
    """An object cut from its image and scaled (Eq. 2).

    image: uint8 [14 rows, 14 columns, 3] for patches of 14 pixels.
    grid: [rows, columns], above zero where a patch belongs to the object.
    context: uint8 [h, w, 3], the same crop at the original scale.
    """

    image: Image
    grid: Grid
    context: Image
    box: Box
    scale: float


def region_scale(area: int, tokens: int, patch_area: int, compat: Compatibility) -> float:
    """Return the factor by which a region of `area` pixels is scaled (Eq. 2).

    A region smaller than n patches is enlarged to n patches, sqrt(n * Omega / area), one larger
    than the limit is reduced to it, sqrt(limit * Omega / area); Omega = `patch_area`.
    """
    area = max(area, 1)
    scale = math.sqrt(patch_area * tokens / area)
    if scale > 1:
        return float(math.ceil(scale)) if compat.whole_scale else scale
    excess = area / patch_area / compat.large_region_patches
    return 1 / math.sqrt(excess) if excess > 1 else 1.0


def crop_region(image: Image, mask: Mask, config: PixelReferConfig) -> RegionCrop:
    """Cut the object under `mask` with its context and scale it to whole patches.

    Raises `EmptyMaskError` if the mask covers nothing, `InvalidRegionError` if no pixel is left.
    """
    compat, patch = config.compatibility, config.patch_size
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if rows.size == 0:
        raise EmptyMaskError(f"a mask of {mask.shape[0]}x{mask.shape[1]} pixels covers none")
    scale = region_scale(int(np.count_nonzero(mask)), config.region_tokens, patch**2, compat)
    context = compat.context_patches * patch
    if context and compat.context_after_scaling:
        context = max(1, round(context / scale))
    box = Box(
        top=max(0, int(rows[0]) - context),
        left=max(0, int(columns[0]) - context),
        bottom=min(mask.shape[0] - 1, int(rows[-1]) + context),
        right=min(mask.shape[1] - 1, int(columns[-1]) + context),
    )
    end = 0 if compat.drops_last_line else 1
    window = np.s_[box.top : box.bottom + end, box.left : box.right + end]
    cut, cut_mask = np.ascontiguousarray(image[window]), mask[window]
    if cut_mask.size == 0:
        raise InvalidRegionError(
            f"nothing is left of a region on an image of {mask.shape[0]}x{mask.shape[1]} pixels"
        )
    grid_rows, grid_columns = (math.ceil(side * scale / patch) for side in cut_mask.shape)
    return RegionCrop(
        image=_resize_crop(cut, grid_rows * patch, grid_columns * patch, compat),
        grid=mask_grid(cut_mask, grid_rows, grid_columns, compat.mask_grid),
        context=cut,
        box=box,
        scale=scale,
    )


def empty_region(image: Image, config: PixelReferConfig) -> RegionCrop:
    """Return what PixelRefer-Lite sees under an empty mask: one black patch outside the object."""
    patch = config.patch_size
    return RegionCrop(
        image=np.zeros((patch, patch, 3), np.uint8),
        grid=np.zeros((1, 1), np.float32),
        context=image,
        box=Box(0, 0, 0, 0),
        scale=1.0,
    )


def relative_position(
    coordinates: NDArray[np.float32],
    grid: tuple[int, int],
    box: Box,
    image_size: tuple[int, int],
    compat: Compatibility,
) -> NDArray[np.float32]:
    """Return where feature cells lie in the image, [K, 2] (Eq. 4).

    coordinates: [K, 2] row i and column j on a feature grid of h x w cells that spans `box`.
    As printed, at the cell's centre, with the box's corner (x_b, y_b) and size (w_b, h_b):
    ((x_b + (j + 1/2) / w * w_b) / W, (y_b + (i + 1/2) / h * h_b) / H). The released weights were
    trained with the box's two axes exchanged, at the cell's corner and with W - 1 and H - 1.
    """
    (i, j), (h, w), (height, width) = coordinates.astype(np.float64).T, grid, image_size
    if compat.own_axes:
        box_width, box_height = box.right - box.left + 1, box.bottom - box.top + 1
        horizontal = (box.left + (j + 0.5) / w * box_width) / width
        vertical = (box.top + (i + 0.5) / h * box_height) / height
    else:
        horizontal = (box.top + j / w * (box.bottom - box.top)) / max(width - 1, 1)
        vertical = (box.left + i / h * (box.right - box.left)) / max(height - 1, 1)
    return np.stack([horizontal, vertical], 1).astype(np.float32)


def _resize_crop(image: Image, rows: int, columns: int, compat: Compatibility) -> Image:
    shrinks = rows < image.shape[0] and columns < image.shape[1]
    average = shrinks and compat.averages_when_shrinking
    interpolation = cv2.INTER_AREA if average else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (columns, rows), interpolation=interpolation), np.uint8)

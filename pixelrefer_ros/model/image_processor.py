"""From an image to the patches the vision encoder reads."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image as PillowImage

from pixelrefer_ros.errors import CheckpointError, InvalidRegionError
from pixelrefer_ros.model.size_limits import check_sizes, read_channels, read_number

Image = NDArray[np.uint8]

LARGEST_ASPECT_RATIO = 200
CHANGED_TOKEN_DIFFERENCE = 0.1


@dataclass(frozen=True)
class ImageProcessorConfig:
    """How bytes become the numbers the vision encoder was trained on.

    A value v becomes (v * rescale_factor - mean) / deviation, per channel; images with fewer
    than `min_pixels` pixels are enlarged.
    """

    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    deviation: tuple[float, float, float] = (0.5, 0.5, 0.5)
    rescale_factor: float = 1 / 255
    min_pixels: int = 56 * 56

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ImageProcessorConfig:
        """Read the fields of a preprocessor_config.json."""
        default = cls()
        size = values.get("size")
        limits = size if isinstance(size, dict) else {}
        check_sizes(limits)
        deviation = read_channels(values, "image_std", default.deviation)
        if 0 in deviation:
            raise CheckpointError(f"image_std is {deviation}, must not hold 0")
        rescale_factor = read_number(values, "rescale_factor", default.rescale_factor)
        if rescale_factor == 0:
            raise CheckpointError("rescale_factor is 0, must be another number")
        return cls(
            mean=read_channels(values, "image_mean", default.mean),
            deviation=deviation,
            rescale_factor=rescale_factor,
            min_pixels=values.get("min_pixels") or limits.get("min_pixels") or default.min_pixels,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the fields of a preprocessor_config.json."""
        return {
            "image_mean": list(self.mean),
            "image_std": list(self.deviation),
            "rescale_factor": self.rescale_factor,
            "min_pixels": self.min_pixels,
        }


@dataclass(frozen=True, eq=False)
class View:
    """One image cut into patches.

    patches: uint8 [rows * columns, 3 * patch * patch], each flattened as (channel, row, column),
        ordered by blocks of `merge` x `merge` patches.
    grid: rows and columns of patches.
    merge: the encoder's features are averaged over blocks of `merge` x `merge` patches.
    source: the image this is a view of as a whole, None for a crop; only its identity counts.
    """

    patches: NDArray[np.uint8]
    grid: tuple[int, int]
    merge: int = 1
    source: object | None = None

    @property
    def key(self) -> Hashable:
        """Equal for views that have equal features, as long as both views exist."""
        if self.source is None:
            return id(self)
        return id(self.source), self.grid, self.merge

    @property
    def feature_grid(self) -> tuple[int, int]:
        """Rows and columns of the encoder's output."""
        return self.grid[0] // self.merge, self.grid[1] // self.merge

    @property
    def tokens(self) -> int:
        """Number of the encoder's output features."""
        return math.prod(self.feature_grid)


def fit_size(
    height: int, width: int, *, factor: int, min_pixels: int, max_pixels: int
) -> tuple[int, int]:
    """Return the size nearest to (height, width) in multiples of `factor` within the pixel limits.

    Raises `InvalidRegionError` for an aspect ratio above 200.
    """
    shortest = min(height, width)
    if shortest < factor:
        height, width = round(height * factor / shortest), round(width * factor / shortest)
    elif max(height, width) / shortest > LARGEST_ASPECT_RATIO:
        raise InvalidRegionError(
            f"an image or crop of {height}x{width} pixels has an aspect ratio of "
            f"{max(height, width) / shortest:.0f}, at most {LARGEST_ASPECT_RATIO} is possible"
        )
    rows, columns = round(height / factor) * factor, round(width / factor) * factor
    if rows * columns > max_pixels:
        excess = math.sqrt(height * width / max_pixels)
        rows = max(math.floor(height / excess / factor), 1) * factor
        columns = max(math.floor(width / excess / factor), 1) * factor
    elif rows * columns < min_pixels:
        lack = math.sqrt(min_pixels / (height * width))
        rows = math.ceil(height * lack / factor) * factor
        columns = math.ceil(width * lack / factor) * factor
    return rows, columns


def resize_bicubic(image: Image, rows: int, columns: int) -> Image:
    """Resize uint8 [height, width, 3] to [rows, columns, 3] with Pillow's bicubic filter.

    Pillow rounds to bytes after each axis, and its versions differ in the axis they begin with.
    The order is that of Pillow 13, made explicit, so every version gives the same bytes.
    """
    height, width = image.shape[:2]
    if (height, width) == (rows, columns):
        return image
    rows_first = height > rows and height - rows > 2 * (width - columns)
    sizes = [(width, rows) if rows_first else (columns, height), (columns, rows)]
    resized = PillowImage.fromarray(image)
    for size in sizes:
        resized = resized.resize(size, PillowImage.Resampling.BICUBIC)
    return np.asarray(resized)


def make_view(
    image: Image,
    *,
    patch_size: int,
    min_pixels: int,
    max_pixels: int,
    merge: int = 1,
    source: Image | None = None,
) -> View:
    """Resize `image` (uint8 [height, width, 3]) bicubically to a patch grid and cut it up."""
    rows, columns = fit_size(
        image.shape[0],
        image.shape[1],
        factor=patch_size * merge,
        min_pixels=min_pixels,
        max_pixels=max_pixels,
    )
    blocks = resize_bicubic(image, rows, columns).reshape(
        rows // (patch_size * merge),
        merge,
        patch_size,
        columns // (patch_size * merge),
        merge,
        patch_size,
        3,
    )
    patches = blocks.transpose(0, 3, 1, 4, 6, 2, 5).reshape(-1, 3 * patch_size * patch_size)
    return View(patches, (rows // patch_size, columns // patch_size), merge, source)


def pack_patches(views: Sequence[View], device: torch.device) -> torch.Tensor:
    """Return the patches of all views on a device, one view after the other, uint8 [N, values].

    A GPU fetches them from pinned memory, beside what it computes and while the CPU goes on.
    """
    count = sum(len(view.patches) for view in views)
    packed = torch.empty(
        (count, views[0].patches.shape[1]), dtype=torch.uint8, pin_memory=device.type == "cuda"
    )
    np.concatenate([view.patches for view in views], out=packed.numpy())
    if device.type != "cuda":
        return packed.to(device)
    computing, copying = torch.cuda.current_stream(device), _copy_stream(device)
    with torch.cuda.stream(copying):
        fetched = packed.to(device, non_blocking=True)
    computing.wait_stream(copying)
    fetched.record_stream(computing)
    return fetched


@cache
def _copy_stream(device: torch.device) -> torch.cuda.Stream:
    return torch.cuda.Stream(device)  # type: ignore[no-untyped-call]


def normalise(patches: torch.Tensor, config: ImageProcessorConfig) -> torch.Tensor:
    """Turn uint8 patches [N, 3 * pixels] into the float32 values the encoder was trained on."""
    # The quotient is the product with the factor in float64, rounded; a table takes far longer.
    scaled = patches.float().div_(1 / config.rescale_factor).view(len(patches), 3, -1)
    mean = torch.tensor(config.mean, device=patches.device)[:, None]
    deviation = torch.tensor(config.deviation, device=patches.device)[:, None]
    return scaled.sub_(mean).div_(deviation).flatten(1)


def frame_difference(
    previous: View, current: View, config: ImageProcessorConfig
) -> NDArray[np.float64]:
    """Return the mean absolute difference of normalised values x 255 of each merged token.

    Both views have the same grid; the result is [tokens] in the order of the features.
    """
    change = np.abs(current.patches.astype(np.int16) - previous.patches)
    by_channel = change.reshape(-1, current.merge**2, 3, change.shape[1] // 3).mean((1, 3))
    weights = config.rescale_factor * 255 / np.asarray(config.deviation)
    result: NDArray[np.float64] = (by_channel * weights).mean(1)
    return result


def kept_tokens(
    frames: Sequence[View], config: ImageProcessorConfig
) -> tuple[NDArray[np.bool_], ...]:
    """Tell which visual tokens of a video enter the language model, bool [tokens] per frame.

    A token stays if it differs from the same place of the previous frame; the first frame stays
    whole, and every frame keeps at least its first token.
    """
    kept = [np.ones(frame.tokens, np.bool_) for frame in frames]
    for t in range(1, len(frames)):
        if frames[t].grid != frames[t - 1].grid:
            continue
        difference = frame_difference(frames[t - 1], frames[t], config)
        kept[t] = difference > CHANGED_TOKEN_DIFFERENCE
        kept[t][0] |= not kept[t].any()
    return tuple(kept)

from __future__ import annotations

import numpy as np
import pytest
import torch

from pixelrefer_ros.errors import InvalidRegionError
from pixelrefer_ros.model.image_processor import (
    ImageProcessorConfig,
    fit_size,
    frame_difference,
    kept_tokens,
    make_view,
    normalise,
    pack_patches,
    resize_bicubic,
)

CONFIG = ImageProcessorConfig()
LIMITS = {"min_pixels": 3136, "max_pixels": 8192 * 196}


def test_recorded_sizes(units):
    for row in units["smart_resize"]:
        size = fit_size(
            row["height"],
            row["width"],
            factor=row["factor"],
            min_pixels=row["min_pixels"],
            max_pixels=row["max_pixels"],
        )
        # The reference can end at a side of 0, which no image has.
        assert list(size) == [max(side, row["factor"]) for side in row["out"]]


def test_too_long_an_image():
    with pytest.raises(InvalidRegionError, match=r"14x2814 .* 201, at most 200"):
        fit_size(14, 2814, factor=14, **LIMITS)


def bicubic_weights(length: int, cells: int) -> np.ndarray:
    """Fixed-point weights [cells, length] of the cubic kernel with a = -1/2, widened to shrink."""
    scale = length / cells
    widen = max(scale, 1)
    weights = np.zeros((cells, length))
    for cell in range(cells):
        centre = (cell + 0.5) * scale
        start = max(int(centre - 2 * widen + 0.5), 0)
        pixels = np.arange(start, min(int(centre + 2 * widen + 0.5), length))
        x = np.abs(pixels + 0.5 - centre) / widen
        inner, outer = 1.5 * x**3 - 2.5 * x**2 + 1, -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
        kernel = np.where(x < 1, inner, np.where(x < 2, outer, 0))
        weights[cell, pixels] = kernel / kernel.sum()
    return np.trunc(weights * 2**22 + np.copysign(0.5, weights)).astype(np.int64)


def resize_axis(image: np.ndarray, axis: int, cells: int) -> np.ndarray:
    total = np.tensordot(bicubic_weights(image.shape[axis], cells), image, (1, axis))
    return np.moveaxis(((total + 2**21) >> 22).clip(0, 255), 0, axis)


@pytest.mark.parametrize(
    ("size", "target", "first_axis"),
    [
        ((160, 208), (154, 210), 0),  # fewer rows, more columns
        ((60, 50), (39, 40), 0),  # 21 rows fewer, more than twice the 10 columns
        ((60, 50), (40, 40), 1),
        ((40, 60), (50, 70), 1),
        ((40, 60), (50, 30), 1),
    ],
)
def test_bicubic_resize_has_a_fixed_order_of_axes(size, target, first_axis):
    image = np.random.default_rng(3).integers(0, 256, (*size, 3), dtype=np.uint8)
    expected = image.astype(np.int64)
    for axis in (first_axis, 1 - first_axis):
        expected = resize_axis(expected, axis, target[axis])
    np.testing.assert_array_equal(resize_bicubic(image, *target), expected)


def test_bicubic_resize_keeps_an_image_of_the_right_size():
    image = np.random.default_rng(4).integers(0, 256, (28, 42, 3), dtype=np.uint8)
    np.testing.assert_array_equal(resize_bicubic(image, 28, 42), image)


def test_patches_are_ordered_by_blocks():
    # 4 x 4 patches of one pixel, each numbered in raster order.
    image = np.arange(16, dtype=np.uint8).reshape(4, 4)[..., None].repeat(3, 2)
    limits = {"patch_size": 1, "min_pixels": 1, "max_pixels": 16}
    assert make_view(image, **limits).patches[:, 0].tolist() == list(range(16))
    blocks = make_view(image, merge=2, **limits)
    expected = [0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15]
    assert blocks.patches[:, 0].tolist() == expected
    assert blocks.feature_grid == (2, 2)


def test_a_patch_is_flattened_channel_by_channel():
    image = np.arange(14 * 14 * 3, dtype=np.uint8).reshape(14, 14, 3)
    view = make_view(image, patch_size=14, min_pixels=1, max_pixels=196)
    np.testing.assert_array_equal(view.patches[0].reshape(3, 14, 14), image.transpose(2, 0, 1))


def test_every_byte_is_scaled_in_float64_and_rounded_once():
    config = ImageProcessorConfig(mean=(0.0, 0.0, 0.0), deviation=(1.0, 1.0, 1.0))
    scaled = (torch.arange(256, dtype=torch.float64) * config.rescale_factor).float()
    patches = torch.arange(256, dtype=torch.uint8)[:, None].expand(-1, 3)
    assert torch.equal(normalise(patches, config), scaled[:, None].expand(-1, 3))


def test_normalise():
    config = ImageProcessorConfig(mean=(0.5, 0.4, 0.3), deviation=(0.5, 0.25, 0.2))
    patches = torch.tensor([[0, 255, 51, 51, 102, 102]], dtype=torch.uint8)
    expected = [[-1.0, 1.0, -0.8, -0.8, 0.5, 0.5]]
    torch.testing.assert_close(normalise(patches, config), torch.tensor(expected))


def test_frame_difference_counts_a_grey_level_twice():
    frames = [np.full((28, 56, 3), value, np.uint8) for value in (10, 11)]
    frames[1][:, 28:] = 10
    views = [make_view(frame, patch_size=14, merge=2, **LIMITS) for frame in frames]
    assert views[0].feature_grid == (2, 3)
    still = [make_view(f, patch_size=14, merge=2, min_pixels=1, max_pixels=10**6) for f in frames]
    np.testing.assert_allclose(frame_difference(*still, CONFIG), [2.0, 0.0])


def test_kept_tokens():
    frames = [np.zeros((28, 56, 3), np.uint8) for _ in range(4)]
    frames[1][:, 28:] = 9
    frames[2][:, 28:] = 9
    frames[3] = np.zeros((56, 56, 3), np.uint8)
    views = [make_view(f, patch_size=14, merge=2, min_pixels=1, max_pixels=10**6) for f in frames]
    kept = [k.tolist() for k in kept_tokens(views, CONFIG)]
    # All of the first, the changed one, the first one of an unchanged frame, all of another size.
    assert kept == [[True, True], [False, True], [True, False], [True] * 4]


def test_whole_views_of_one_image_share_their_key():
    image = np.zeros((56, 56, 3), np.uint8)
    views = [make_view(image, patch_size=14, source=image, **LIMITS) for _ in range(2)]
    crop = make_view(image, patch_size=14, **LIMITS)
    assert views[0].key == views[1].key
    assert crop.key != views[0].key
    other = make_view(image.copy(), patch_size=14, source=image.copy(), **LIMITS)
    assert other.key != views[0].key


def test_patches_of_views_one_after_the_other(image):
    views = [make_view(part, patch_size=14, **LIMITS) for part in (image, image[:60])]
    packed = pack_patches(views, torch.device("cpu"))
    assert packed.dtype == torch.uint8
    first = len(views[0].patches)
    assert (packed[:first].numpy() == views[0].patches).all()
    assert (packed[first:].numpy() == views[1].patches).all()

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

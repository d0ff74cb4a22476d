from __future__ import annotations

import numpy as np
import pytest
import torch
from region_masks import rectangle

from pixelrefer_ros.model.clustering import evenly_spaced
from pixelrefer_ros.model.compatibility import Compatibility
from pixelrefer_ros.model.image_processor import View
from pixelrefer_ros.model.object_tokenizer import ScaleAdaptiveObjectTokenizer
from pixelrefer_ros.model.preprocessing import PreparedRegion, RegionSample
from pixelrefer_ros.model.region_crop import Box


def region(cells: list[tuple[float, float]], tokens: int, grid: tuple[int, int]) -> PreparedRegion:
    """A region whose box is the lower right quarter of a 40 x 80 image."""
    return PreparedRegion(
        object_view=View(np.zeros((0, 588), np.uint8), grid),
        local_view=None,
        global_view=None,
        cells=np.asarray(cells, np.float32).reshape(-1, 2),
        initial_clusters=evenly_spaced(len(cells), tokens),
        token_count=tokens,
        box=Box(top=20, left=40, bottom=39, right=79),
        image_size=(40, 80),
    )


@pytest.fixture
def tokenizer() -> ScaleAdaptiveObjectTokenizer:
    """Two channels, n = 2; Linear(p) takes 100 x to the first channel, 10 y + 1 to the second."""
    module = ScaleAdaptiveObjectTokenizer(2, 2, Compatibility.paper()).requires_grad_(False)
    module.position.weight.copy_(torch.tensor([[100.0, 0.0], [0.0, 10.0]]))
    module.position.bias.copy_(torch.tensor([0.0, 1.0]))
    return module


FEATURES = torch.tensor([[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [7.0, 8.0]]])


def test_equations_3_and_5_by_hand(tokenizer):
    # Cells (0, 1) and (1, 1) of a 2 x 2 grid are under the mask. Their centres lie at
    # x = (40 + 3/4 * 40) / 80 = 0.875 and y = (20 + 1/4 * 20) / 40 = 0.625 or 0.875.
    (tokens,) = tokenizer.select([FEATURES], [region([(0, 1), (1, 1)], 2, (2, 2))])
    expected = [[3 + 87.5, 4 + 6.25 + 1], [7 + 87.5, 8 + 8.75 + 1]]
    torch.testing.assert_close(tokens, torch.tensor(expected))


def test_selecting_is_multiplying_with_the_mask(tokenizer):
    mask = torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    tokenizer.position.weight.zero_()
    tokenizer.position.bias.zero_()
    (tokens,) = tokenizer.select([FEATURES], [region([(0, 1), (1, 0)], 2, (2, 2))])
    masked = (FEATURES * mask[..., None]).flatten(0, 1)
    torch.testing.assert_close(tokens, masked[masked.any(1)])


def test_features_are_interpolated_only_where_needed(tokenizer):
    tokenizer.position.weight.zero_()
    tokenizer.position.bias.zero_()
    (tokens,) = tokenizer.select([FEATURES], [region([(0.5, 0.25), (1, 1)], 2, (2, 2))])
    # Half-way between the rows, a quarter between the columns: 1 + 0.5 * 4 + 0.25 * 2.
    torch.testing.assert_close(tokens, torch.tensor([[3.5, 4.5], [7.0, 8.0]]))


def test_equation_6_gives_n_tokens_for_any_number_of_cells(tokenizer):
    cells = [[], [(0, 0)], [(0, 0), (0, 1), (1, 0), (1, 1)]]
    regions = [region(c, 2, (2, 2)) for c in cells]
    assert tokenizer([FEATURES] * 3, regions).shape == (3, 2, 2)


def test_missing_tokens_are_zero_rows(tokenizer):
    tokens = tokenizer([FEATURES], [region([(1, 0)], 2, (2, 2))])
    assert tokens[0, 0].tolist() == pytest.approx([5 + 62.5, 6 + 8.75 + 1])
    assert tokens[0, 1].tolist() == [0, 0]


def test_a_single_pixel_needs_no_large_feature_grid(lite, image):
    mask = rectangle(120, 160, (60, 61), (80, 81))
    (prepared,) = lite.prepare(RegionSample([image], [[(0, mask)]], "<region>")).regions
    # Scaled 80 times the crop has 326 x 326 cells; the encoder sees at most 8192 patches, and
    # features are taken only at the cells of the pixel.
    assert np.prod(prepared.object_view.grid) <= 8192
    assert len(prepared.cells) < 200

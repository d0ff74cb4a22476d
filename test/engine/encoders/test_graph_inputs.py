from __future__ import annotations

import numpy as np
import torch

from pixelrefer_ros.engine.encoders.graph_inputs import HIDDEN, pad, patch_positions, rotations_at
from pixelrefer_ros.model.image_processor import View


def test_positions_follow_the_order_of_the_patches():
    patches = np.zeros((8, 3), np.uint8)
    assert patch_positions(View(patches, (2, 4))).tolist() == [
        [0, 0], [0, 1], [0, 2], [0, 3], [1, 0], [1, 1], [1, 2], [1, 3],
    ]  # fmt: skip
    assert patch_positions(View(patches, (2, 4), merge=2)).tolist() == [
        [0, 0], [0, 1], [1, 0], [1, 1], [0, 2], [0, 3], [1, 2], [1, 3],
    ]  # fmt: skip


def test_angles_are_those_of_the_row_then_of_the_column():
    found = rotations_at(torch.tensor([[2, 3]]), torch.tensor([1.0, 0.1]))
    angles = torch.tensor([2, 0.2, 3, 0.3])
    assert torch.allclose(found, torch.cat([angles.cos(), angles.sin()])[None])


def test_padding_is_hidden():
    padded = pad(
        [torch.ones(2, 5), torch.ones(3, 5)], [torch.ones(2, 4), torch.ones(3, 4)], length=3
    )
    assert padded.key_bias.tolist() == [[0, 0, HIDDEN], [0, 0, 0]]
    assert padded.pixels[0, 2].eq(0).all()
    assert padded.pixels.sum() == 25
    assert padded.rotations.shape == (2, 3, 4)


def test_padding_has_no_weight_in_half_precision_either():
    scores = torch.tensor([-60.0, HIDDEN], dtype=torch.float16)
    assert scores.softmax(0).tolist() == [1, 0]

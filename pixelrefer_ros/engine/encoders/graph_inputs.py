"""What an exported encoder reads: padded patches, where they lie, and which are padding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import VideoLlama3VisionModel

from pixelrefer_ros.model.image_processor import View

INPUT_NAMES = ("pixels", "rotations", "key_bias")
OUTPUT_NAME = "features"

HIDDEN = -1e4
"""Added to the score of a key that is padding; its weight is then exactly 0, also in float16."""


@dataclass(frozen=True)
class GraphInputs:
    """B views of T patches each, float32.

    pixels: normalised values [B, T, 3 * patch * patch].
    rotations: cosines and sines of the rotary angles, [B, T, head width].
    key_bias: 0 for a patch and `HIDDEN` for padding, [B, T].
    """

    pixels: torch.Tensor
    rotations: torch.Tensor
    key_bias: torch.Tensor

    def by_name(self) -> dict[str, torch.Tensor]:
        """Return the inputs under the names they have in the graph."""
        tensors = (self.pixels, self.rotations, self.key_bias)
        return dict(zip(INPUT_NAMES, tensors, strict=True))


def patch_positions(view: View) -> NDArray[np.int64]:
    """Return row and column of each patch of a view, [patches, 2], in the order of the patches."""
    rows, columns = view.feature_grid
    blocks = (rows, view.merge, columns, view.merge)
    axes = [axis.reshape(blocks).swapaxes(1, 2).ravel() for axis in np.indices(view.grid)]
    return np.stack(axes, axis=-1)


def rotations_at(positions: torch.Tensor, frequencies: torch.Tensor) -> torch.Tensor:
    """Return cosines, then sines, of the rotary angles at positions [N, 2], [N, 4 * frequencies].

    The angles are those of the row and then of the column, frequency after frequency.
    """
    angles = (positions[..., None] * frequencies).flatten(1)
    return torch.cat([angles.cos(), angles.sin()], dim=-1)


def packed_rotations(views: Sequence[View], encoder: VideoLlama3VisionModel) -> torch.Tensor:
    """Return `rotations_at` all patches of views, one view after the other."""
    positions = torch.from_numpy(np.concatenate([patch_positions(view) for view in views]))
    frequencies = encoder.rotary_pos_emb.inv_freq
    assert isinstance(frequencies, torch.Tensor)
    return rotations_at(positions.to(frequencies.device), frequencies.float())


def merge_features(
    packed: torch.Tensor, views: Sequence[View], encoder: VideoLlama3VisionModel
) -> torch.Tensor:
    """Return the features of all tokens of views from those of their patches, [N, C]."""
    if all(view.merge == 1 for view in views):
        return packed
    merged: torch.Tensor = encoder.pixel_unshuffle(
        packed,
        torch.tensor([(1, *view.grid) for view in views]),
        torch.tensor([view.merge for view in views]),
    )
    return merged


def pad(
    pixels: Sequence[torch.Tensor], rotations: Sequence[torch.Tensor], length: int
) -> GraphInputs:
    """Put views side by side, each padded to `length` patches."""
    count, device = len(pixels), pixels[0].device
    padded = GraphInputs(
        pixels=torch.zeros(count, length, pixels[0].shape[1], device=device),
        rotations=torch.zeros(count, length, rotations[0].shape[1], device=device),
        key_bias=torch.full((count, length), HIDDEN, device=device),
    )
    for row, (values, turns) in enumerate(zip(pixels, rotations, strict=True)):
        padded.pixels[row, : len(values)] = values
        padded.rotations[row, : len(turns)] = turns
        padded.key_bias[row, : len(values)] = 0
    return padded

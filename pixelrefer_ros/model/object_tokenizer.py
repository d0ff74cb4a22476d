"""SAOT, second half: features under a mask become n object tokens.

With F the encoder's features of the scaled crop and M its mask on the same grid:
    Z  = F * M              the object without its surroundings (Eq. 3)
    p  = relative position of every cell in the image (Eq. 4, `region_crop.py`)
    Z' = Z + Linear(p)      (Eq. 5)
    T  = k-means(Z', n)     n object tokens, whatever the object's size (Eq. 6, `clustering.py`)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.utils.rnn import pad_sequence

from pixelrefer_ros.model.clustering import Clusters, cluster_tokens
from pixelrefer_ros.model.compatibility import Compatibility
from pixelrefer_ros.model.preprocessing import PreparedRegion
from pixelrefer_ros.model.region_crop import relative_position


class ScaleAdaptiveObjectTokenizer(nn.Module):
    """Scale-adaptive object tokenizer: mask, relative position, clustering.

    Its only weights are Linear(p) of Eq. 5.
    """

    def __init__(self, width: int, tokens: int, compat: Compatibility) -> None:
        super().__init__()
        self.position = nn.Linear(2, width)
        self.tokens = tokens
        self.compat = compat

    def forward(
        self, features: Sequence[torch.Tensor], regions: Sequence[PreparedRegion]
    ) -> torch.Tensor:
        """Return the object tokens [M, n, C] of M regions; missing ones are zero rows at the end.

        features: per region [h, w, C], the encoder's output for its object view.
        """
        # Positions and means would lose their digits where training rounds products to 16 bits.
        with torch.autocast(features[0].device.type, enabled=False):
            return self.cluster(self.select(features, regions), regions)

    def select(
        self, features: Sequence[torch.Tensor], regions: Sequence[PreparedRegion]
    ) -> list[torch.Tensor]:
        """Return the tokens under each mask, position added, M times [K, C] (Eq. 3, 5)."""
        positions = [
            relative_position(
                region.cells, _grid(feature), region.box, region.image_size, self.compat
            )
            for feature, region in zip(features, regions, strict=True)
        ]
        tokens = self.under_masks(features, regions)
        tokens = tokens + self.embed_position(torch.from_numpy(np.concatenate(positions)))
        return list(torch.split(tokens, [len(region.cells) for region in regions]))

    def under_masks(
        self, features: Sequence[torch.Tensor], regions: Sequence[PreparedRegion]
    ) -> torch.Tensor:
        """Return the features under all masks, one mask after the other, [sum of K, C] (Eq. 3).

        Multiplying with the mask and dropping the zeros is the same as taking only the cells
        under the mask; where the mask grid is finer than the features they are interpolated
        there and nowhere else.
        """
        device = features[0].device
        corners, weights, start = [], [], 0
        for feature, region in zip(features, regions, strict=True):
            grid = _grid(feature)
            index, weight = bilinear_corners(region.cells, grid)
            corners.append(index + start)
            weights.append(weight)
            start += grid[0] * grid[1]
        packed = torch.cat([feature.flatten(0, 1) for feature in features])
        around = packed[torch.from_numpy(np.concatenate(corners)).to(device)]
        share = torch.from_numpy(np.concatenate(weights)).to(device, packed.dtype)
        tokens: torch.Tensor = (around * share[..., None]).sum(1)
        return tokens

    def embed_position(self, positions: torch.Tensor) -> torch.Tensor:
        """Return Linear(p) of Eq. 5, [K, C], for float32 positions [K, 2]."""
        weight, bias = self.position.weight, self.position.bias
        embedded = positions.to(weight.device) @ weight.float().T + bias.float()
        return embedded.to(weight.dtype)

    def cluster(
        self, selected: Sequence[torch.Tensor], regions: Sequence[PreparedRegion]
    ) -> torch.Tensor:
        """Gather M times [K, C] tokens into [M, n, C] (Eq. 6), computed in float32."""
        return self.group(selected, regions).centroids.to(selected[0].dtype)

    def group(
        self, selected: Sequence[torch.Tensor], regions: Sequence[PreparedRegion]
    ) -> Clusters:
        """Return the object tokens in float32, and which of them each token went into."""
        device = selected[0].device
        lengths = [len(tokens) for tokens in selected]
        # The longest row is at least n, so that every first centroid has a row to come from.
        room = selected[0].new_zeros(max(self.tokens, *lengths), selected[0].shape[1])
        padded = pad_sequence([room, *selected], batch_first=True)[1:]
        initial = np.tile(np.arange(self.tokens), (len(regions), 1))
        for row, region in zip(initial, regions, strict=True):
            row[: len(region.initial_clusters)] = region.initial_clusters
        return cluster_tokens(
            padded.float(),
            torch.tensor(lengths, device=device),
            torch.from_numpy(initial).to(device),
            self.compat.clustering_rounds,
        )


def _grid(feature: torch.Tensor) -> tuple[int, int]:
    return feature.shape[0], feature.shape[1]


def bilinear_corners(
    coordinates: NDArray[np.float32], grid: tuple[int, int]
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Return the four cells around each place of a grid and their weights, both [K, 4].

    coordinates: [K, 2] row and column within the grid; cells are numbered row by row.
    """
    first = np.floor(coordinates).astype(np.intp)
    second = np.minimum(first + 1, np.asarray(grid) - 1)
    (top, left), (bottom, right) = first.T, second.T
    down, along = (coordinates - first).T
    index = np.stack([top, top, bottom, bottom], 1) * grid[1]
    index += np.stack([left, right, left, right], 1)
    weight = np.stack(
        [(1 - down) * (1 - along), (1 - down) * along, down * (1 - along), down * along], 1
    )
    return index, weight.astype(np.float32)

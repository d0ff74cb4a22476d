"""k-means over the tokens of many regions at once (Eq. 6)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

ABSOLUTE_TOLERANCE = 1e-6
RELATIVE_TOLERANCE = 1e-5


class Clusters(NamedTuple):
    """What became of the tokens of M regions.

    centroids: [M, n, C] in the order of the first ones.
    labels: [M, K] the centroid each token was averaged into; of no meaning for padding.
    """

    centroids: torch.Tensor
    labels: torch.Tensor


def evenly_spaced(count: int, clusters: int) -> NDArray[np.intp]:
    """Return the indices of min(clusters, count) tokens, spread evenly: where k-means starts."""
    chosen = min(clusters, count)
    return np.arange(chosen) * count // max(chosen, 1)


def cluster_tokens(
    tokens: torch.Tensor, lengths: torch.Tensor, initial: torch.Tensor, rounds: int
) -> Clusters:
    """Gather the tokens of each region into n centroids (Eq. 6).

    tokens: float32 [M, K, C], region m has `lengths[m]` of them, the rest is padding of zeros.
    initial: [M, n] indices of the first centroids; an index on padding gives a zero row, so a
        region with n tokens or fewer keeps them in order and ends in zero rows.
    rounds: 1 or more. A token goes to the nearest centroid, the first
    of equally near ones; a cluster without tokens keeps its centroid; once no centroid of a
    region moves by more than a rounding error, the region keeps the ones it has.
    """
    present = torch.arange(tokens.shape[1], device=tokens.device) < lengths[:, None]
    centroids = tokens.gather(1, initial[..., None].expand(-1, -1, tokens.shape[2]))
    clusters = torch.arange(centroids.shape[1], device=tokens.device)
    settled = torch.zeros_like(lengths, dtype=torch.bool)
    for _ in range(rounds):
        labels = nearest_centroids(tokens, centroids)
        member = (labels[:, None] == clusters[:, None]) & present[:, None]
        sizes = member.sum(2, keepdim=True)
        sums = member.to(tokens.dtype) @ tokens
        moved = torch.where(sizes > 0, sums / sizes.clamp(min=1), centroids)
        distance = (moved - centroids).abs()
        still = distance <= ABSOLUTE_TOLERANCE + RELATIVE_TOLERANCE * moved.abs()
        settled = settled | still.flatten(1).all(1)
        centroids = torch.where(settled[:, None, None], centroids, moved)
    return Clusters(centroids, labels)


def nearest_centroids(tokens: torch.Tensor, centroids: torch.Tensor) -> torch.Tensor:
    """Return the index of the nearest centroid [M, K], the lowest one of equally near ones."""
    # Differences, not dot products: equal centroids must be at exactly equal distances.
    distances = torch.cdist(tokens, centroids, compute_mode="donot_use_mm_for_euclid_dist")
    return distances.argmin(2)

"""What the object tokens of a mask are made of: its patches, and where OCI looks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from pixelrefer_ros.inspection.similarity import Similarity
from pixelrefer_ros.model.image_processor import Image, View
from pixelrefer_ros.model.mask_grid import Mask
from pixelrefer_ros.model.pixelrefer import EncodedViews, PixelRefer
from pixelrefer_ros.model.preprocessing import PreparedRegion
from pixelrefer_ros.model.region_crop import RegionCrop, crop_region

Weights = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class ContextLook:
    """Where the object tokens of a mask look in one context of Algorithm 1.

    picture: what the context is a square of, uint8 [h, w, 3].
    weights: [rows, columns] of the encoder's features, mean of object tokens and heads; sums to 1.
    """

    picture: Image
    weights: Weights


@dataclass(frozen=True, eq=False)
class ObjectTokens:
    """The object tokens of one mask.

    crop: the object as the encoder sees it, its mask on the patch grid, its box in the image.
    cells: [K, 2] row and column of the cells under the mask.
    token_of: [K] the object token that each of them is averaged into.
    count: of the object tokens that are none of the zero rows of a tiny object.
    before, after: cosines of the K tokens under the mask (Eq. 5) and of the object tokens (Eq. 6).
    local, whole: where OCI looks, in the padded crop and in the image; None without OCI.
    """

    crop: RegionCrop
    cells: NDArray[np.intp]
    token_of: NDArray[np.intp]
    count: int
    before: Similarity
    after: Similarity
    local: ContextLook | None
    whole: ContextLook | None


@torch.inference_mode()
def object_tokens(
    model: PixelRefer,
    masks: Sequence[tuple[Image, Mask]],
    regions: Sequence[PreparedRegion],
    views: EncodedViews,
) -> list[ObjectTokens]:
    """Open up the object tokens of M masks on their images; `regions` are the same, prepared."""
    tokenizer = model.object_tokenizer
    selected = tokenizer.select([views[region.object_view] for region in regions], regions)
    clusters = tokenizer.group(selected, regions)
    looks = _looks(model, regions, clusters.centroids.to(selected[0].dtype), views)
    found = []
    for m, (image, mask) in enumerate(masks):
        crop = crop_region(image, mask, model.config)
        count = len(regions[m].initial_clusters)
        local, whole = looks[m]
        found.append(
            ObjectTokens(
                crop=crop,
                cells=np.argwhere(crop.grid > 0),
                token_of=clusters.labels[m, : len(selected[m])].cpu().numpy(),
                count=count,
                before=Similarity.of(selected[m]),
                after=Similarity.of(clusters.centroids[m, :count]),
                local=None if local is None else ContextLook(crop.context, local),
                whole=None if whole is None else ContextLook(image, whole),
            )
        )
    return found


def _looks(
    model: PixelRefer,
    regions: Sequence[PreparedRegion],
    tokens: torch.Tensor,
    views: EncodedViews,
) -> list[tuple[Weights | None, Weights | None]]:
    """Return where the tokens [M, n, C] of each mask look, in its local and global view."""
    infusion = model.object_infusion
    if infusion is None:
        return [(None, None)] * len(regions)
    local, whole = model.contexts(regions, views)
    tokens, to_local = infusion.local_to_object.look(tokens, local)
    _, to_whole = infusion.global_to_object.look(tokens, whole)
    return [
        (
            _on_grid(to_local[m, : len(region.initial_clusters)], region.local_view),
            _on_grid(to_whole[m, : len(region.initial_clusters)], region.global_view),
        )
        for m, region in enumerate(regions)
    ]


def _on_grid(weights: torch.Tensor, view: View | None) -> Weights:
    """Bring the mean of weights [n, L] to the grid of a view, which may have fewer features."""
    assert view is not None
    mean = weights[:, : view.tokens].float().mean(0).view(view.feature_grid)
    return np.asarray(mean.cpu(), np.float32)

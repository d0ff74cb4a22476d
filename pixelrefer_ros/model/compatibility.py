"""Where the printed paper and the released weights go different ways, as one set of choices."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Framework(str, Enum):
    """The two frameworks of the paper; the values are the names of the released models."""

    OBJECT_ONLY = "PixelRefer-Lite"
    VISION_OBJECT = "PixelRefer"


class MaskGrid(str, Enum):
    """How a mask in pixels becomes a mask on the patch grid, see `mask_grid.py`."""

    SAMPLED = "sampled"
    ROUNDED = "rounded"
    COVERED = "covered"


@dataclass(frozen=True)
class Compatibility:
    """Choices that the weights were trained with and that inference must repeat.

    whole_scale: Eq. 2 enlarges by whole factors, rounded up.
    large_region_patches: a region larger than this many patches is reduced to them (Eq. 2).
    context_patches: patches of context around the box of an object on every side.
    context_after_scaling: these are patches of the scaled image; otherwise of the original one,
        scaled together with the object.
    drops_last_line: the crop ends one row and one column before the padded box does.
    averages_when_shrinking: crops are reduced by area averaging instead of bilinearly.
    halves_large_images: a view of context comes from an image halved as long as that leaves twice
        its size, for little time on large images; otherwise every pixel counts alike.
    mask_grid: which cells of the patch grid belong to the object (the mask of Eq. 3).
    own_axes: Eq. 4 as printed, at cell centres; otherwise rows and columns are exchanged.
    clustering_rounds: iterations of the k-means of Eq. 6.
    shared_patch_budget: the largest number of patches of a view is divided by the number of views.
    """

    whole_scale: bool
    large_region_patches: int
    context_patches: int
    context_after_scaling: bool
    drops_last_line: bool
    averages_when_shrinking: bool
    halves_large_images: bool
    mask_grid: MaskGrid
    own_axes: bool
    clustering_rounds: int
    shared_patch_budget: bool

    @classmethod
    def official_lite(cls) -> Compatibility:
        """Return what the released PixelRefer-Lite weights need."""
        return cls(
            whole_scale=True,
            large_region_patches=50,
            context_patches=2,
            context_after_scaling=False,
            drops_last_line=False,
            averages_when_shrinking=True,
            halves_large_images=False,
            mask_grid=MaskGrid.SAMPLED,
            own_axes=False,
            clustering_rounds=3,
            shared_patch_budget=True,
        )

    @classmethod
    def official_full(cls) -> Compatibility:
        """Return what the released PixelRefer weights need."""
        return cls(
            whole_scale=True,
            large_region_patches=100,
            context_patches=2,
            context_after_scaling=False,
            drops_last_line=True,
            averages_when_shrinking=False,
            halves_large_images=False,
            mask_grid=MaskGrid.ROUNDED,
            own_axes=False,
            clustering_rounds=5,
            shared_patch_budget=True,
        )

    @classmethod
    def paper(cls) -> Compatibility:
        """Return Eq. 2 to 6 and Algorithm 1 as printed, for models trained with this package.

        Where the paper is silent: a cell belongs to the object if the object covers any part of
        it, k-means runs five rounds, Eq. 4 is taken at the centre of a cell, and every view has
        the whole patch budget, so an object's tokens do not depend on its neighbours.
        """
        return cls(
            whole_scale=False,
            large_region_patches=100,
            context_patches=2,
            context_after_scaling=True,
            drops_last_line=False,
            averages_when_shrinking=True,
            halves_large_images=True,
            mask_grid=MaskGrid.COVERED,
            own_axes=True,
            clustering_rounds=5,
            shared_patch_budget=False,
        )

    @classmethod
    def named(cls, name: str, framework: Framework) -> Compatibility:
        """Return the choices that `compat` in config.json stands for: `official` or `paper`.

        Raises `ValueError` for any other name.
        """
        if name == "paper":
            return cls.paper()
        if name == "official":
            lite = framework is Framework.OBJECT_ONLY
            return cls.official_lite() if lite else cls.official_full()
        raise ValueError(f"compat is '{name}', must be 'official' or 'paper'")

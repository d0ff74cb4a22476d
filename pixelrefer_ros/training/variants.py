"""The ablations of the paper, by name: what each variant of PixelRefer-Lite has and lacks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Variant:
    """What an object is told with; the defaults are those of PixelRefer-Lite.

    tokens: n, the object tokens of a region, and in Eq. 2 the patches a small one is enlarged to.
    context: crops reach two patches beyond the box, otherwise they end there.
    position: Linear(p) of Eq. 5 is added.
    local_infusion, global_infusion: the two attentions of Algorithm 1.
    """

    tokens: int = 16
    context: bool = True
    position: bool = True
    local_infusion: bool = True
    global_infusion: bool = True


VARIANTS: Mapping[str, Variant] = {
    "saot": Variant(),
    "tokens_1": Variant(tokens=1),
    "tokens_8": Variant(tokens=8),
    "tokens_32": Variant(tokens=32),
    # One cluster is the mean, and Eq. 2 enlarges only what is smaller than one patch.
    "mask_pooling": Variant(tokens=1, position=False),
    "no_context": Variant(context=False),
    "no_position": Variant(position=False),
    "no_local": Variant(local_infusion=False),
    "no_global": Variant(global_infusion=False),
    "no_infusion": Variant(local_infusion=False, global_infusion=False),
}
"""The baseline comes first."""

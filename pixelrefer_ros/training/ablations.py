"""Change a network into a variant of itself.

What a variant lacks is taken out of the instance, so the code that runs a network knows nothing of
variants. No folder can hold the result: loading one makes a whole network again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import nn

from pixelrefer_ros.errors import CommandError
from pixelrefer_ros.model.compatibility import Compatibility
from pixelrefer_ros.model.object_tokenizer import ScaleAdaptiveObjectTokenizer
from pixelrefer_ros.model.pixelrefer import PixelRefer
from pixelrefer_ros.model.preprocessing import PreparedRegion
from pixelrefer_ros.training.tight_crops import TightConfig
from pixelrefer_ros.training.variants import Variant


class UnplacedObjectTokenizer(ScaleAdaptiveObjectTokenizer):
    """SAOT without relative position: Z' = Z in place of Eq. 5."""

    def __init__(self, width: int, tokens: int, compat: Compatibility) -> None:
        super().__init__(width, tokens, compat)
        del self.position

    def select(
        self, features: Sequence[torch.Tensor], regions: Sequence[PreparedRegion]
    ) -> list[torch.Tensor]:
        """Return the tokens under each mask, M times [K, C] (Eq. 3)."""
        tokens = self.under_masks(features, regions)
        return list(torch.split(tokens, [len(region.cells) for region in regions]))


class NoAttention(nn.Module):
    """A step of Algorithm 1 left out: the object tokens stay as they are."""

    def forward(self, tokens: torch.Tensor, contexts: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return the tokens [M, n, C]."""
        return tokens


def ablate(model: PixelRefer, variant: Variant) -> PixelRefer:
    """Return a network like `model`, with its weights, but for what the variant says.

    Raises `CommandError` when there is no OCI to leave out, as in the full model.
    """
    config = replace(model.config, region_tokens=variant.tokens)
    if not variant.context:
        config = TightConfig(**vars(config))
    changed = PixelRefer(config, model.tokenizer, model.model_id)
    changed.load_state_dict(model.state_dict())
    if not variant.position:
        changed.object_tokenizer = UnplacedObjectTokenizer(
            int(config.vision.hidden_size), config.region_tokens, config.compatibility
        )
    kept = {
        "local_to_object": variant.local_infusion,
        "global_to_object": variant.global_infusion,
    }
    for name in (name for name, is_kept in kept.items() if not is_kept):
        if changed.object_infusion is None:
            raise CommandError(f"a {config.framework.value} has no {name} to leave out")
        changed.object_infusion.register_module(name, NoAttention())
    return changed

"""Attention of networks that learn in bfloat16 on a CPU."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from transformers import AttentionInterface
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from pixelrefer_ros.model.pixelrefer import PixelRefer

IN_FLOAT32 = "sdpa_float32"


def attend_quickly(model: PixelRefer) -> None:
    """Let the network avoid torch's own attention in bfloat16, which is slow backward on a CPU.

    The vision encoder attends in float32, whatever type the products around it have; the short
    texts of the LLM are quickest with plain products of matrices.
    """
    model.vision_encoder.set_attn_implementation(IN_FLOAT32)
    model.language_model.set_attn_implementation("eager")


def _attend(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    **options: Any,
) -> tuple[torch.Tensor, None]:
    """Attend as `sdpa` of transformers does, in float32; the result has the type of `query`."""
    with torch.autocast(query.device.type, enabled=False):
        attended, weights = ALL_ATTENTION_FUNCTIONS["sdpa"](
            module, query.float(), key.float(), value.float(), attention_mask, **options
        )
    return attended.to(query.dtype), weights


AttentionInterface.register(IN_FLOAT32, _attend)

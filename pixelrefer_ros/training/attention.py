"""Attention of a vision encoder that learns in bfloat16 on a CPU."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from transformers import AttentionInterface, PreTrainedModel
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

IN_FLOAT32 = "sdpa_float32"


def attend_in_float32(encoder: PreTrainedModel) -> None:
    """Let a vision encoder attend in float32, whatever type the products around it have.

    torch's attention on a CPU goes backward in bfloat16 several times slower than in float32.
    """
    encoder.set_attn_implementation(IN_FLOAT32)


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

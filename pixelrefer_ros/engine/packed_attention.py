"""Attention within each of many views that are packed one after the other, without padding."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import torch
from torch import nn
from transformers import AttentionInterface, PreTrainedModel
from transformers.utils.import_utils import is_flash_attn_2_available

varlen_attn: Any = None
with suppress(ImportError):  # torch before 2.10
    from torch.nn.attention.varlen import varlen_attn

BUILT_IN = "torch_flash_varlen"
BUILT_IN_CAPABILITY = (8, 0)
"""Lowest CUDA compute capability of torch's own kernel."""


def best_attention(device: torch.device, dtype: torch.dtype) -> str:
    """Return the attention of transformers for packed views.

    On a GPU, in 16 bits, all views are one call: of FlashAttention-2 where the package flash-attn
    is installed, otherwise of torch's own kernel. Anywhere else torch takes them one by one.
    """
    if device.type != "cuda" or dtype == torch.float32:
        return "sdpa"
    if is_flash_attn_2_available():
        return "flash_attention_2"
    has_built_in = varlen_attn is not None
    if has_built_in and torch.cuda.get_device_capability(device) >= BUILT_IN_CAPABILITY:
        return BUILT_IN
    return "sdpa"


def use_attention(encoder: PreTrainedModel, name: str) -> None:
    """Let a vision encoder attend by the name that `best_attention` returned."""
    if name == BUILT_IN:
        # Views come in one call only for names with "flash", and of these transformers' own
        # setter knows but packages.
        encoder.config._attn_implementation = name
    else:
        encoder.set_attn_implementation(name)


def attend_within_views(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: None,
    *,
    cu_seq_lens_q: torch.Tensor,
    max_length_q: int,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """Attend with torch's kernel for query, key and value [1, heads, N, width of a head].

    cu_seq_lens_q: int32 [views + 1], where views begin, and the end; max_length_q: the longest.
    The scale is the kernel's own, 1 / sqrt(width of a head), and the encoder's.
    Returns [1, N, heads, width of a head], the form that transformers expects.
    """
    query, key, value = (tensor[0].transpose(0, 1).contiguous() for tensor in (query, key, value))
    starts, longest = cu_seq_lens_q.to(torch.int32), int(max_length_q)
    output: torch.Tensor = varlen_attn(query, key, value, starts, starts, longest, longest)
    return output[None], None


AttentionInterface.register(BUILT_IN, attend_within_views)

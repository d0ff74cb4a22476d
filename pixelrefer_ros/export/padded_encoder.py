"""The vision encoder as a graph of fixed form: dense batches with padding instead of packed rows.

It shares the weights of the packed encoder. What would depend on the data, where patches lie and
which are padding, comes in as numbers, so the only free sizes are those of the batch.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional
from transformers import VideoLlama3VisionModel


class PaddedVisionEncoder(nn.Module):
    """Features before merging, [B, T, C], of B views padded to T patches."""

    def __init__(self, encoder: VideoLlama3VisionModel) -> None:
        super().__init__()
        self.encoder = encoder
        self.heads = int(encoder.config.num_attention_heads)

    def forward(
        self, pixels: torch.Tensor, rotations: torch.Tensor, key_bias: torch.Tensor
    ) -> torch.Tensor:
        """Encode what `GraphInputs` describes."""
        embedding: Any = self.encoder.embeddings.patch_embedding
        hidden = functional.linear(pixels, embedding.weight.flatten(1), embedding.bias)
        cosines, sines = rotations[:, None].chunk(2, dim=-1)
        bias = key_bias[:, None, None]
        layers: Any = self.encoder.encoder.layers
        for layer in layers:
            normed = layer.layer_norm1(hidden)
            hidden = hidden + self._attend(layer.self_attn, normed, cosines, sines, bias)
            hidden = hidden + layer.mlp(layer.layer_norm2(hidden))
        features: torch.Tensor = self.encoder.post_layernorm(hidden)
        return features

    def _attend(
        self,
        attention: Any,
        hidden: torch.Tensor,
        cosines: torch.Tensor,
        sines: torch.Tensor,
        bias: torch.Tensor,
    ) -> torch.Tensor:
        queries = _rotate(self._by_head(attention.q_proj(hidden)), cosines, sines)
        keys = _rotate(self._by_head(attention.k_proj(hidden)), cosines, sines)
        values = self._by_head(attention.v_proj(hidden))
        scores = queries @ keys.transpose(-1, -2) * queries.shape[-1] ** -0.5 + bias
        attended = (scores.softmax(dim=-1) @ values).transpose(1, 2).flatten(2)
        result: torch.Tensor = attention.out_proj(attended)
        return result

    def _by_head(self, rows: Any) -> torch.Tensor:
        by_head: torch.Tensor = rows.unflatten(-1, (self.heads, -1)).transpose(1, 2)
        return by_head


def _rotate(vectors: torch.Tensor, cosines: torch.Tensor, sines: torch.Tensor) -> torch.Tensor:
    """Turn vectors [B, heads, T, D] by the angles [B, 1, T, D / 2] of their patches."""
    first, second = vectors.chunk(2, dim=-1)
    turned = (first * cosines - second * sines, second * cosines + first * sines)
    return torch.cat(turned, dim=-1)

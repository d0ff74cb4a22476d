"""The torch vision encoder on a CPU, in fewer and shorter passes over the memory."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import cast

import torch
from torch.nn import functional
from transformers.models.video_llama_3.modeling_video_llama_3 import (
    VideoLlama3VisionAttention,
    VideoLlama3VisionEncoderLayer,
)

from pixelrefer_ros.engine.encoders.graph_inputs import merge_features, packed_rotations
from pixelrefer_ros.engine.fused_products import (
    can_fuse,
    feed_forward,
    keep_few_shapes,
    linear,
    linear_plus,
    linears,
)
from pixelrefer_ros.model.image_processor import View, normalise, pack_patches
from pixelrefer_ros.model.pixelrefer import PixelRefer

ACTIVATION = "gelu_pytorch_tanh"


class FusedEncoder:
    """The `EncoderBackend` of a CPU: the arithmetic of `model.vision_encoder` on its own weights.

    Biases, activations and residuals are added within the products, and views of one size attend
    to themselves in one call. Differs from the passes of transformers by rounding alone.
    """

    def __init__(self, model: PixelRefer) -> None:
        keep_few_shapes()
        self._encoder = model.vision_encoder
        self._layers = cast(list[VideoLlama3VisionEncoderLayer], [*self._encoder.encoder.layers])
        self._processor = model.config.image_processor

    @staticmethod
    def suits(model: PixelRefer) -> bool:
        """Tell whether this computes what the encoder of a model does, on its device."""
        encoder = model.vision_encoder
        return encoder.config.hidden_act == ACTIVATION and can_fuse(encoder.device, encoder.dtype)

    def encode(self, views: Sequence[View]) -> Sequence[torch.Tensor]:
        """Return the features of each view, [view.tokens, C], in the model's type."""
        ordered = sorted(views, key=_size)
        runs = [(size, sum(1 for _ in same)) for size, same in groupby(map(_size, ordered))]
        encoder = self._encoder
        pixels = normalise(pack_patches(ordered, encoder.device), self._processor)
        hidden = linear(encoder.embeddings.patch_embedding, pixels.to(encoder.dtype))
        hidden = hidden.to(self._layers[0].layer_norm1.weight.dtype)
        rotations = packed_rotations(ordered, encoder)
        for layer in self._layers:
            seen = _attend(layer.self_attn, layer.layer_norm1(hidden), rotations, runs)
            hidden = linear_plus(layer.self_attn.out_proj, seen, hidden)
            hidden = feed_forward(layer.mlp.fc1, layer.mlp.fc2, layer.layer_norm2(hidden), hidden)
        merged = merge_features(encoder.post_layernorm(hidden.to(encoder.dtype)), ordered, encoder)
        features = torch.split(merged, [view.tokens for view in ordered])
        found = dict(zip((view.key for view in ordered), features, strict=True))
        return [found[view.key] for view in views]


def _size(view: View) -> int:
    return len(view.patches)


def _attend(
    attention: VideoLlama3VisionAttention,
    rows: torch.Tensor,
    rotations: torch.Tensor,
    runs: Sequence[tuple[int, int]],
) -> torch.Tensor:
    """Return what each row sees of its own view, [N, width], before the last product.

    rotations: of `packed_rotations`, [N, 2 * width of a head].
    runs: sizes of views, and how many one after the other have each.
    """
    shape = len(rows), attention.num_heads, attention.head_dim
    heads = linears((attention.q_proj, attention.k_proj, attention.v_proj), rows)
    query, key, value = (each.view(shape) for each in heads)
    query, key = _rotate(query, rotations), _rotate(key, rotations)
    seen = torch.empty(shape, dtype=value.dtype)
    start = 0
    for size, count in runs:
        end = start + size * count
        views = count, size, *shape[1:]
        q, k, v = (each[start:end].view(views).transpose(1, 2) for each in (query, key, value))
        found = functional.scaled_dot_product_attention(q, k, v, scale=attention.scaling)
        seen[start:end].view(views).copy_(found.transpose(1, 2))
        start = end
    return seen.flatten(1)


def _rotate(heads: torch.Tensor, rotations: torch.Tensor) -> torch.Tensor:
    """Turn [N, heads, width] by rotary angles, in float32; may overwrite them."""
    cosines, sines = rotations[:, None].chunk(2, -1)
    turned, half = heads.float(), heads.shape[-1] // 2
    first, second = turned[..., :half], turned[..., half:]
    beside = first * sines
    first.mul_(cosines).addcmul_(second, sines, value=-1)
    second.mul_(cosines).add_(beside)
    return turned.to(heads.dtype)

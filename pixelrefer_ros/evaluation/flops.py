"""How many operations an answer takes: by the paper's formulas, and as torch counts them.

The paper counts the language model alone, a multiplication with its addition as one operation
(Eq. 9 and 10, inferred from its tables). With T layers of width d, keys and values of width k
(fewer heads share them) and an inner width m, n tokens of a prompt take

    T (2 n d^2 + 2 n d k + 2 n^2 d + 2 n d m)

and R new tokens after it, with the keys and values of all earlier ones kept,

    T R (2 d^2 + 2 d k + 2 d m + 2 d (n + (R + 1) / 2)).

torch counts a multiplication and an addition as two, the third matrix of the gated MLP, the head
that chooses the word, and the vision encoder.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import PreTrainedModel, Qwen2Config

from pixelrefer_ros.engine import fused_products
from pixelrefer_ros.engine.packed_attention import use_attention
from pixelrefer_ros.evaluation.reference_path import decode_greedily
from pixelrefer_ros.model.pixelrefer import PixelRefer
from pixelrefer_ros.model.preprocessing import PreparedSample


def paper_prefill_flops(language: Qwen2Config, tokens: int) -> float:
    """Return what a prompt of `tokens` tokens takes (Eq. 9)."""
    return (
        language.num_hidden_layers
        * tokens
        * (_token_flops(language) + _look_back(language, tokens))
    )


def paper_decode_flops(language: Qwen2Config, tokens: int, new_tokens: int) -> float:
    """Return what `new_tokens` tokens after a prompt of `tokens` tokens take (Eq. 10)."""
    seen = tokens + (new_tokens + 1) / 2
    per_token = _token_flops(language) + _look_back(language, seen)
    return language.num_hidden_layers * new_tokens * per_token


def key_width(language: Qwen2Config) -> int:
    """Return the width of the keys of one token, and of its values."""
    heads, key_heads = language.num_attention_heads, language.num_key_value_heads
    assert key_heads is not None
    return language.hidden_size // heads * key_heads


def _token_flops(language: Qwen2Config) -> float:
    """Return what one token takes in a layer, apart from looking at others."""
    inner = language.hidden_size + key_width(language) + language.intermediate_size
    return 2 * language.hidden_size * inner


def _look_back(language: Qwen2Config, tokens: float) -> float:
    """Return what one token takes in a layer to look at `tokens` others."""
    return 2 * language.hidden_size * tokens


@torch.inference_mode()
def count_flops(
    model: PixelRefer, samples: Sequence[PreparedSample], *, new_tokens: int
) -> dict[str, float]:
    """Answer questions under torch's counter; return the operations of each stage.

    model: of weights that are not quantised, whose products torch counts.
    Views are encoded and objects infused together. What the language model does for a question
    depends on the length of its prompt alone, so it is counted once for each length.
    """
    with _counter() as encode, _countable_attention(model.vision_encoder):
        views = model.encode(samples)
    with _counter() as infuse:
        prompts = model.infuse(samples, views)
    prefill = decode = 0.0
    for length, count in Counter(len(prompt) for prompt in prompts).items():
        steps = decode_greedily(model, next(p for p in prompts if len(p) == length))
        with _counter() as first:
            next(steps)
        with _counter() as further:
            for _ in range(new_tokens - 1):
                next(steps)
        prefill += count * first.get_total_flops()
        decode += count * further.get_total_flops()
    return {
        "encode": float(encode.get_total_flops()),
        "infuse": float(infuse.get_total_flops()),
        "prefill": prefill,
        "decode": decode,
    }


@contextmanager
def _countable_attention(encoder: PreTrainedModel) -> Iterator[None]:
    """Let an encoder attend in a way torch can count, which other packages' kernels are not."""
    usual = encoder.config._attn_implementation
    use_attention(encoder, "sdpa")
    try:
        yield
    finally:
        use_attention(encoder, usual)


def _counter() -> FlopCounterMode:
    """Count also what torch leaves out: attention and fused products on the CPU."""
    operators = torch.ops.aten
    further: dict[Any, Callable[..., int]] = {
        operators._scaled_dot_product_flash_attention_for_cpu: _attention_flops,
    }
    if fused_products.OPERATOR is not None:
        further[fused_products.OPERATOR] = _product_flops
    return FlopCounterMode(display=False, custom_mapping=further)


def _attention_flops(
    query: Sequence[int], key: Sequence[int], value: Sequence[int], *others: Any, **options: Any
) -> int:
    """Count the two products of an attention from its shapes [batch, heads, length, width]."""
    batch, heads, length, width = query
    return 2 * batch * heads * length * key[2] * (width + value[3])


def _product_flops(
    rows: Sequence[int], *others: Any, out_shape: Sequence[int], **options: Any
) -> int:
    """Count a product of rows [N, inputs] with weights of any form, out_shape [N, outputs]."""
    return 2 * rows[0] * rows[1] * out_shape[1]

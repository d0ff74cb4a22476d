"""Linear layers on a CPU with what comes before and after the product in the same pass.

oneDNN, a part of torch, adds the bias, applies the activation and adds the residual while the
results are still in the processor's cache. torch's own layers take passes over the memory for
each of them, and its tanh-approximated GELU alone costs nearly as much as the product before it.
Layers in int8 do the same in their own way.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from pixelrefer_ros.engine.dynamic_int8 import DynamicInt8Linear, gelu_between, multiply_all

OPERATOR: Any = getattr(torch.ops.mkldnn, "_linear_pointwise", None)
"""What torch's compiler makes of such layers; None in a torch built without oneDNN."""

Layer = nn.Linear | DynamicInt8Linear

SHAPES_KEPT = 64
CACHES = ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "LRU_CACHE_CAPACITY")
"""Read by oneDNN and by what torch puts around it."""


def keep_few_shapes() -> None:
    """Let oneDNN keep its preparations for the last 64 shapes of products, if not told otherwise.

    It would keep 1024, of half a megabyte each, and views come in many sizes; to prepare a product
    anew takes no time that shows. Without effect once oneDNN has computed in this process.
    """
    for name in CACHES:
        os.environ.setdefault(name, str(SHAPES_KEPT))


def can_fuse(device: torch.device, dtype: torch.dtype) -> bool:
    """Tell whether the functions of this module take such weights."""
    if OPERATOR is None or device.type != "cpu":
        return False
    if dtype == torch.bfloat16:
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    return dtype == torch.float32


def linear(layer: Layer | nn.Conv2d, rows: torch.Tensor) -> torch.Tensor:
    """Return W x + b of rows [N, inputs]; a convolution must see each input but once."""
    if isinstance(layer, DynamicInt8Linear):
        return layer.forward(rows)
    found: torch.Tensor = OPERATOR(rows, layer.weight.flatten(1), layer.bias, "none", [], "")
    return found


def linears(layers: Sequence[Layer], rows: torch.Tensor) -> list[torch.Tensor]:
    """Return W x + b of each of some layers of one kind, for the same rows [N, inputs]."""
    in_int8 = [layer for layer in layers if isinstance(layer, DynamicInt8Linear)]
    if in_int8:
        return multiply_all(in_int8, rows)
    return [linear(layer, rows) for layer in layers]


def linear_plus(layer: Layer, rows: torch.Tensor, added: torch.Tensor) -> torch.Tensor:
    """Return a + W x + b of rows [N, inputs] and what is added, [N, outputs]."""
    if isinstance(layer, DynamicInt8Linear):
        return layer.forward(rows).add_(added)
    sums: torch.Tensor = OPERATOR.binary(rows, added, layer.weight, layer.bias, "add")
    return sums


def feed_forward(
    first: Layer, second: Layer, rows: torch.Tensor, added: torch.Tensor
) -> torch.Tensor:
    """Return a + W2 gelu(W1 x + b1) + b2 of rows [N, inputs] and what is added, [N, outputs].

    gelu: with the approximation by tanh.
    """
    if isinstance(first, DynamicInt8Linear):
        assert isinstance(second, DynamicInt8Linear)
        return gelu_between(first, second, rows).add_(added)
    inner: torch.Tensor = OPERATOR(rows, first.weight, first.bias, "gelu", [], "tanh")
    return linear_plus(second, inner, added)

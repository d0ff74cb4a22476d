"""Linear layers on a CPU with what comes before and after the product in the same pass.

oneDNN, a part of torch, adds the bias, applies the activation and adds the residual while the
results are still in the processor's cache. torch's own layers take passes over the memory for
each of them, and its tanh-approximated GELU alone costs nearly as much as the product before it.
"""

from __future__ import annotations

import os
from typing import Any

import torch
from torch import nn

OPERATOR: Any = getattr(torch.ops.mkldnn, "_linear_pointwise", None)
"""What torch's compiler makes of such layers; None in a torch built without oneDNN."""

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


def linear(layer: nn.Linear | nn.Conv2d, rows: torch.Tensor) -> torch.Tensor:
    """Return W x + b of rows [N, inputs]; a convolution must see each input but once."""
    found: torch.Tensor = OPERATOR(rows, layer.weight.flatten(1), layer.bias, "none", [], "")
    return found


def linear_gelu(layer: nn.Linear, rows: torch.Tensor) -> torch.Tensor:
    """Return gelu(W x + b) of rows [N, inputs], with the approximation by tanh."""
    found: torch.Tensor = OPERATOR(rows, layer.weight, layer.bias, "gelu", [], "tanh")
    return found


def linear_plus(layer: nn.Linear, rows: torch.Tensor, added: torch.Tensor) -> torch.Tensor:
    """Return a + W x + b of rows [N, inputs] and what is added, [N, outputs]."""
    found: torch.Tensor = OPERATOR.binary(rows, added, layer.weight, layer.bias, "add")
    return found

"""Products with the weights of a step, where one way is faster than torch's usual one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import nn
from torch.nn import functional

from pixelrefer_ros.engine.weight_quantization import int8_rows

INT8_BLOCK = 16
"""Of what the inputs must be a multiple: torch's product with int8 weights reads past others."""

FEW_ROWS = 4
"""Up to which torch's product with int8 weights is faster than turning them into floats first."""


def product(layer: nn.Linear, rows: torch.Tensor) -> torch.Tensor:
    """Return what a linear layer makes of rows [N, inputs].

    A step of few rows waits for the weights to come out of memory. In 16 bits on a CPU, torch's
    product of a matrix and a vector reads them about 1.4 times as fast as that of matrices, and
    its product with int8 weights twice as fast as turning them into bfloat16.
    """
    weight, bias = layer.weight, layer.bias
    if len(rows) <= FEW_ROWS and weight.device.type == "cpu" and weight.dtype.itemsize == 2:
        is_quantised = _is_quantised(layer)
        if not is_quantised and len(rows) == 1:
            found = weight.mv(rows[0]) if bias is None else bias.addmv(weight, rows[0])
            return found[None]
        quantised = int8_rows(weight) if is_quantised else None
        if quantised is not None and rows.shape[1] % INT8_BLOCK == 0:
            values, scales = quantised
            found = torch._weight_int8pack_mm(rows, values, scales.to(rows.dtype))
            return found if bias is None else found + bias
    usual: torch.Tensor = layer(rows)
    return usual


def products(*layers: nn.Linear) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return what gives the outputs of layers that read the same rows, [N, sum of outputs].

    It is one product: the weights of several layers move into one block of memory. Quantised ones
    stay apart.
    """
    if len(layers) > 1:
        if any(_is_quantised(layer) for layer in layers):
            return lambda rows: torch.cat([product(layer, rows) for layer in layers], -1)
        return products(_side_by_side(layers))
    [layer] = layers
    if layer.weight.dtype == torch.float32 and not _is_quantised(layer):
        # Without the way through the layer, which takes as long as a small product.
        return partial(functional.linear, weight=layer.weight, bias=layer.bias)
    return partial(product, layer)


def _side_by_side(layers: Sequence[nn.Linear]) -> nn.Linear:
    """Return a layer with the outputs of several, whose weights become parts of its own."""
    outputs = [layer.out_features for layer in layers]
    has_bias = layers[0].bias is not None
    joint = nn.Linear(layers[0].in_features, sum(outputs), bias=has_bias, device="meta")
    for name in ("weight", "bias")[: 1 + has_bias]:
        together = torch.cat([getattr(layer, name).data for layer in layers])
        setattr(joint, name, nn.Parameter(together, requires_grad=False))
        for layer, part in zip(layers, torch.split(together, outputs), strict=True):
            getattr(layer, name).data = part
    return joint


def _is_quantised(layer: nn.Linear) -> bool:
    return type(layer.weight.data) is not torch.Tensor

"""Products with the weights of a step, where one way is faster than torch's usual one."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import cache, partial

import torch
from torch import nn
from torch.nn import functional

from pixelrefer_ros.engine.dynamic_int8 import DynamicInt8Linear, multiply_all
from pixelrefer_ros.engine.fused_products import Layer
from pixelrefer_ros.engine.weight_quantization import int8_rows

INT8_BLOCK = 16
"""Of what the inputs must be a multiple: torch's product with int8 weights reads past others."""

FEW_ROWS = 4
"""Up to which torch's product with int8 weights is faster than turning them into floats first."""

TRIES = 5

SMALL_BYTES = 4 * 1024**2
"""Of joint weights; reading larger ones takes so long that a product more does not show."""


def product(layer: nn.Linear, rows: torch.Tensor) -> torch.Tensor:
    """Return what a linear layer makes of rows [N, inputs].

    A step of few rows waits for the weights to come out of memory. On a CPU, torch's product with
    int8 weights reads them twice as fast as turning them into bfloat16, and in 16 bits that of a
    matrix and a vector may be faster or slower than that of matrices.
    """
    weight, bias = layer.weight, layer.bias
    if len(rows) <= FEW_ROWS and weight.device.type == "cpu" and weight.dtype.itemsize == 2:
        is_quantised = _is_quantised(layer)
        if not is_quantised and len(rows) == 1 and prefers_vectors(weight.dtype):
            found = weight.mv(rows[0]) if bias is None else bias.addmv(weight, rows[0])
            return found[None]
        quantised = int8_rows(weight) if is_quantised else None
        if quantised is not None and rows.shape[1] % INT8_BLOCK == 0:
            values, scales = quantised
            found = torch._weight_int8pack_mm(rows, values, scales.to(rows.dtype))
            return found if bias is None else found + bias
    usual: torch.Tensor = layer(rows)
    return usual


def product_of(layer: Layer) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return what gives the outputs of a layer for rows [N, inputs]."""
    if isinstance(layer, DynamicInt8Linear):
        return layer.forward
    if layer.weight.dtype == torch.float32 and not _is_quantised(layer):
        # Without the way through the layer, which takes as long as a small product.
        return partial(functional.linear, weight=layer.weight, bias=layer.bias)
    return partial(product, layer)


def products_of(*layers: Layer) -> Callable[[torch.Tensor], Sequence[torch.Tensor]]:
    """Return what gives the outputs of each of some layers for the same rows [N, inputs].

    It is one product where they are small: their weights move into one block of memory. Layers in
    int8 turn the rows into bytes once, and those made together are one product.
    """
    in_int8 = [layer for layer in layers if isinstance(layer, DynamicInt8Linear)]
    if in_int8:
        return partial(multiply_all, in_int8)
    floats = [layer for layer in layers if isinstance(layer, nn.Linear)]
    size = sum(layer.weight.nbytes for layer in floats)
    if size > SMALL_BYTES or any(_is_quantised(layer) for layer in floats):
        return lambda rows: [product(layer, rows) for layer in floats]
    joint = product_of(_side_by_side(floats))
    outputs = [layer.out_features for layer in floats]
    return lambda rows: torch.split(joint(rows), outputs, -1)


@cache
def prefers_vectors(dtype: torch.dtype) -> bool:
    """Try once whether this CPU multiplies matrix and vector faster than two matrices, of a type.

    Measured were 1.4 times as fast on one processor and 2.6 times as slow on another.
    """
    weight, row = torch.ones(4096, 1024, dtype=dtype), torch.ones(1024, dtype=dtype)
    seconds = []
    for multiply in (partial(weight.mv, row), partial(functional.linear, row[None], weight)):
        laps = []
        for _ in range(TRIES):
            started = time.perf_counter()
            multiply()
            laps.append(time.perf_counter() - started)
        seconds.append(min(laps))
    return seconds[0] < seconds[1]


def _side_by_side(layers: Sequence[nn.Linear]) -> nn.Linear:
    """Return a layer with the outputs of several, whose weights become parts of its own."""
    outputs = [layer.out_features for layer in layers]
    has_bias = layers[0].bias is not None
    joint = nn.Linear(layers[0].in_features, sum(outputs), bias=has_bias, device="meta")
    with torch.inference_mode(False):  # what is made in it could never be trained
        for name in ("weight", "bias")[: 1 + has_bias]:
            together = torch.cat([getattr(layer, name).data for layer in layers])
            setattr(joint, name, nn.Parameter(together, requires_grad=False))
            for layer, part in zip(layers, torch.split(together, outputs), strict=True):
                getattr(layer, name).data = part
    return joint


def _is_quantised(layer: nn.Linear) -> bool:
    return type(layer.weight.data) is not torch.Tensor

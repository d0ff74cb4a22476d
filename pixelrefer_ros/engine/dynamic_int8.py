"""Linear layers that multiply in int8 on a CPU: weights once and for all, inputs as they come.

A processor with VNNI multiplies bytes several times as fast as floats, and a weight of one byte
takes half as long to read as one of two. Every output of a layer has a scale of its own, and so has
every row of its inputs, found anew each time ("dynamic quantisation"): what becomes of a row does
not depend on its neighbours in a batch. Sums are exact, in int32, by oneDNN, a part of torch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby
from typing import Any

import torch
from torch import nn

from pixelrefer_ros.engine.freed_memory import return_freed_memory

OPERATOR: Any = getattr(torch.ops.onednn, "qlinear_pointwise", None)
PACK: Any = getattr(torch.ops.onednn, "qlinear_prepack", None)
"""What torch's compiler makes of quantised layers; None in a torch built without oneDNN."""

LARGEST = 127
ZERO = 128
"""The byte that stands for 0: oneDNN is fast with inputs of uint8, and slow with those of int8."""

PART_BYTES = 2 * 1024**2
"""Of floats that are worked on at once, so that they stay in the caches of two cores."""

FEWEST_ROWS = 64
"""That are worked on at once: for each part the weights are read again."""

SAME_ROWS = {
    **dict.fromkeys(("q_proj", "k_proj", "v_proj"), "attention"),
    **dict.fromkeys(("gate_proj", "up_proj"), "inner"),
}
"""Names of layers that read the same rows, in encoder and language model: one product each."""

SMALLEST = 1e-30
"""What the largest value of a row counts as at least: by 0 nothing can be divided."""


def can_multiply(device: torch.device) -> bool:
    """Tell whether products in int8 are exact and fast on a device."""
    if OPERATOR is None or device.type != "cpu":
        return False
    flags: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(torch.cpu._is_vnni_supported() or flags.get("avx_vnni"))


@dataclass(frozen=True)
class Int8Rows:
    """Rows in int8: values uint8 [N, width] around `ZERO`, scales float32 [N, 1]."""

    values: torch.Tensor
    scales: torch.Tensor


class Int8Product:
    """The weights of a linear layer, or of several that read the same rows, side by side."""

    def __init__(self, layers: Sequence[nn.Linear]) -> None:
        weights = [quantise_rows(layer.weight.detach()) for layer in layers]
        values = torch.cat([weight.values for weight in weights]).bitwise_xor_(ZERO)
        self._packed = PACK(values.view(torch.int8), None)
        self._scales = torch.cat([weight.scales.flatten() for weight in weights])
        self._zero_points = torch.zeros(len(self._scales), dtype=torch.int64)
        biases = [layer.bias.detach().float() for layer in layers if layer.bias is not None]
        self._bias = torch.cat(biases) if biases else None

    def multiply(self, rows: Int8Rows) -> torch.Tensor:
        """Return W x + b of rows, float32 [N, outputs of all layers]."""
        outputs: torch.Tensor = OPERATOR(
            rows.values, 1.0, ZERO, self._packed, self._scales, self._zero_points,
            None, 1.0, 0, torch.float32, "none", [], "",
        )  # fmt: skip
        if self._bias is None:
            return outputs.mul_(rows.scales)
        return torch.addcmul(self._bias, outputs, rows.scales, out=outputs)


class DynamicInt8Linear(nn.Module):
    """A linear layer in int8: some of the outputs of a product, from `first` on."""

    def __init__(self, layer: nn.Linear, product: Int8Product, first: int) -> None:
        super().__init__()
        self.in_features, self.out_features = layer.in_features, layer.out_features
        self.product = product
        self._outputs = slice(first, first + layer.out_features)

    @property
    def stored_bytes(self) -> int:
        """Memory that the weights take, a byte each, and a float for the scale of each output."""
        return self.out_features * (self.in_features + 4)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Return W x + b of rows [..., inputs], in their type."""
        found = self.multiply(quantise_rows(rows.flatten(0, -2)))
        return found.to(rows.dtype).view(*rows.shape[:-1], self.out_features)

    def multiply(self, rows: Int8Rows) -> torch.Tensor:
        """Return W x + b of rows, float32 [N, outputs]."""
        return self.part_of(self.product.multiply(rows))

    def part_of(self, outputs: torch.Tensor) -> torch.Tensor:
        """Return the layer's own outputs, of those of its product."""
        return outputs[:, self._outputs]


def int8_layers(*layers: nn.Linear) -> list[DynamicInt8Linear]:
    """Return layers in int8, made from some in floats that read the same rows; one product."""
    product = Int8Product(layers)
    firsts = accumulate([0, *(layer.out_features for layer in layers[:-1])])
    return [
        DynamicInt8Linear(layer, product, first)
        for layer, first in zip(layers, firsts, strict=True)
    ]


def quantise_rows(rows: torch.Tensor) -> Int8Rows:
    """Turn rows [N, width] into bytes, each row as finely as its largest value lets it."""
    parts = [_quantise(part.float()) for part in _parts(rows, rows.shape[1])]
    if len(parts) == 1:
        return parts[0]
    values, scales = ([getattr(part, name) for part in parts] for name in ("values", "scales"))
    return Int8Rows(torch.cat(values), torch.cat(scales))


def multiply_all(layers: Sequence[DynamicInt8Linear], rows: torch.Tensor) -> list[torch.Tensor]:
    """Return what each of some layers makes of the same rows [N, inputs], in their type."""
    quantised = quantise_rows(rows)
    products = dict.fromkeys(layer.product for layer in layers)
    outputs = {product: product.multiply(quantised).to(rows.dtype) for product in products}
    return [layer.part_of(outputs[layer.product]) for layer in layers]


def gelu_between(
    first: DynamicInt8Linear, second: DynamicInt8Linear, rows: torch.Tensor
) -> torch.Tensor:
    """Return what `second` makes of the gelu, approximated by tanh, of what `first` makes of rows.

    What is between them does not leave the caches.
    """
    parts = [
        second.multiply(_quantise(gelu(first.multiply(_quantise(part.float())))))
        for part in _parts(rows, first.out_features)
    ]
    return torch.cat(parts).to(rows.dtype)


def gelu(outputs: torch.Tensor) -> torch.Tensor:
    """Return gelu of floats, with the approximation by tanh, in their place.

    torch's own takes more than twice as long.
    """
    root = math.sqrt(2 / math.pi)
    factor = torch.addcmul(torch.tensor(root), outputs, outputs, value=0.044715 * root)
    return torch.addcmul(outputs, outputs, factor.mul_(outputs).tanh_(), out=outputs).mul_(0.5)


def replace_linears(module: nn.Module) -> None:
    """Put layers in int8 in the place of all linear layers in a module."""
    # By name: the iterator of children keeps all it has passed, so their weights, until its end.
    names = [name for name, _ in module.named_children()]
    for _, together in groupby(names, lambda name: SAME_ROWS.get(name, name)):
        group = [*together]
        children = [module.get_submodule(name) for name in group]
        linears = [child for child in children if isinstance(child, nn.Linear)]
        if linears:
            for name, layer in zip(group, int8_layers(*linears), strict=True):
                setattr(module, name, layer)
        else:
            replace_linears(children[0])
            return_freed_memory()


def _quantise(rows: torch.Tensor) -> Int8Rows:
    largest = torch.maximum(rows.amax(1, keepdim=True), rows.amin(1, keepdim=True).neg_())
    scales = largest.clamp_min_(SMALLEST).div_(LARGEST)
    values = (rows / scales).round_().to(torch.int8)  # much faster than to uint8
    return Int8Rows(values.view(torch.uint8).bitwise_xor_(ZERO), scales)


def _parts(rows: torch.Tensor, width: int) -> Sequence[torch.Tensor]:
    """Cut rows into what makes at most so many floats of a width."""
    size = max(FEWEST_ROWS, PART_BYTES // (4 * width))
    return (rows,) if len(rows) <= size else torch.split(rows, size)

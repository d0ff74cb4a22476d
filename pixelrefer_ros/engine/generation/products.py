"""Products with the weights of a step, where one way is faster than torch's usual one."""

from __future__ import annotations

import torch
from torch import nn


def product(layer: nn.Linear, rows: torch.Tensor) -> torch.Tensor:
    """Return what a linear layer makes of rows [N, inputs].

    A step of one row waits for the weights to come out of memory. In 16 bits on a CPU, torch's
    product of a matrix and a vector reads them about 1.4 times as fast as that of matrices.
    """
    weight = layer.weight
    is_plain = type(weight.data) is torch.Tensor  # not quantised
    if len(rows) > 1 or weight.device.type != "cpu" or weight.itemsize != 2 or not is_plain:
        usual: torch.Tensor = layer(rows)
        return usual
    if layer.bias is None:
        return torch.mv(weight, rows[0])[None]
    return torch.addmv(layer.bias, weight, rows[0])[None]

"""Patches to vectors."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional


class PatchEmbedding(nn.Conv2d):
    """A convolution whose input is one patch, as the single product it is; several times as fast.

    Weights have the shape and the names of the convolution.
    """

    def forward(self, patches: torch.Tensor) -> torch.Tensor:
        """Embed patches [N, 3, patch, patch] as [N, C, 1, 1]."""
        weight = self.weight.flatten(1)
        return functional.linear(patches.flatten(1), weight, self.bias)[..., None, None]

    @classmethod
    def in_place_of(cls, convolution: nn.Conv2d) -> PatchEmbedding:
        """Take the shape and the weights of a convolution."""
        side = int(convolution.kernel_size[0])
        sizes = convolution.in_channels, convolution.out_channels, side, side
        embedding = cls(*sizes, device="meta")  # no weights of its own
        embedding.weight, embedding.bias = convolution.weight, convolution.bias
        return embedding

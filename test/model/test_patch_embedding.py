from __future__ import annotations

import torch
from torch import nn

from pixelrefer_ros.model.patch_embedding import PatchEmbedding


def test_it_is_the_convolution():
    torch.manual_seed(0)
    convolution = nn.Conv2d(3, 8, 14, stride=14)
    embedding = PatchEmbedding.in_place_of(convolution)
    patches = torch.randn(5, 3, 14, 14)
    torch.testing.assert_close(embedding(patches), convolution(patches))
    assert embedding.state_dict().keys() == convolution.state_dict().keys()


def test_it_learns_like_the_convolution():
    torch.manual_seed(0)
    convolution = nn.Conv2d(3, 8, 14, stride=14)
    embedding = PatchEmbedding.in_place_of(convolution)
    patches = torch.randn(5, 3, 14, 14)
    convolution(patches).square().sum().backward()
    expected, convolution.weight.grad = convolution.weight.grad, None
    embedding(patches).square().sum().backward()
    torch.testing.assert_close(embedding.weight.grad, expected)

"""One row and several, in every type: what a layer would have made of them."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from pixelrefer_ros.engine.generation.products import product


@pytest.mark.parametrize("rows", [1, 2])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@torch.inference_mode()
def test_a_product_is_that_of_the_layer(rows, bias, dtype):
    torch.manual_seed(0)
    layer = nn.Linear(48, 32, bias=bias).to(dtype)
    given = torch.randn(rows, 48, dtype=dtype)
    found = product(layer, given)
    assert found.shape == (rows, 32)
    assert found.dtype == dtype
    tolerance = 0 if dtype == torch.float32 or rows > 1 else torch.finfo(dtype).eps
    torch.testing.assert_close(found, layer(given), rtol=tolerance, atol=4 * tolerance)


@torch.inference_mode()
def test_a_quantised_layer_does_it_itself():
    library = pytest.importorskip("torchao.quantization")
    layer = nn.Linear(48, 32, dtype=torch.bfloat16)
    given = torch.randn(1, 48, dtype=torch.bfloat16)
    library.quantize_(layer, library.Int8WeightOnlyConfig(set_inductor_config=False))
    assert torch.equal(product(layer, given), layer(given))

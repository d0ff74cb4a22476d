"""One row and several, in every type: what a layer would have made of them."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from pixelrefer_ros.engine.generation.products import (
    FEW_ROWS,
    TRIES,
    prefers_vectors,
    product,
    products_of,
)
from pixelrefer_ros.engine.weight_quantization import int8_rows, resolve_quantization

QUANTISED = [
    *(("int8", torch.bfloat16, inputs, 0.02) for inputs in (72, 96, 100)),
    ("int8", torch.float32, 96, 0),
    ("int4", torch.bfloat16, 96, 0),
]


@pytest.mark.parametrize("vectors", [True, False])
@pytest.mark.parametrize("rows", [1, 2])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@torch.inference_mode()
def test_a_product_is_that_of_the_layer(monkeypatch, vectors, rows, bias, dtype):
    monkeypatch.setattr(f"{product.__module__}.prefers_vectors", lambda _: vectors)
    torch.manual_seed(0)
    layer = nn.Linear(48, 32, bias=bias).to(dtype)
    given = torch.randn(rows, 48, dtype=dtype)
    found = product(layer, given)
    assert found.shape == (rows, 32)
    assert found.dtype == dtype
    tolerance = 0 if dtype == torch.float32 or rows > 1 else torch.finfo(dtype).eps
    torch.testing.assert_close(found, layer(given), rtol=tolerance, atol=4 * tolerance)


@pytest.mark.parametrize("rows", [1, FEW_ROWS, FEW_ROWS + 1])
@pytest.mark.parametrize(("name", "dtype", "inputs", "tolerance"), QUANTISED)
@torch.inference_mode()
def test_a_product_with_quantised_weights(rows, name, dtype, inputs, tolerance):
    pytest.importorskip("torchao")
    torch.manual_seed(0)
    block = nn.Sequential(nn.Linear(inputs, 32, dtype=dtype))
    resolve_quantization(name, torch.device("cpu"), dtype).quantize(block)
    [layer] = block
    assert (int8_rows(layer.weight) is None) == (name != "int8")
    given = torch.randn(rows, inputs, dtype=dtype)
    found = product(layer, given)
    assert found.dtype == dtype
    torch.testing.assert_close(found, layer(given), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_layers_of_the_same_rows_are_one_product(bias, dtype):
    torch.manual_seed(0)
    layers = [nn.Linear(48, outputs, bias=bias).to(dtype) for outputs in (32, 16, 8)]
    given = torch.randn(5, 48, dtype=dtype)
    with torch.inference_mode():
        expected = torch.cat([layer(given) for layer in layers], -1)
        found = products_of(*layers)
        torch.testing.assert_close(torch.cat(found(given), -1), expected)
        assert len({layer.weight.untyped_storage().data_ptr() for layer in layers}) == 1
        torch.testing.assert_close(torch.cat([layer(given) for layer in layers], -1), expected)


def test_layers_put_together_still_learn():
    layers = [nn.Linear(48, outputs) for outputs in (32, 16)]
    with torch.inference_mode():
        products_of(*layers)
    torch.cat([layer(torch.ones(1, 48)) for layer in layers], -1).sum().backward()
    for layer in layers:
        assert layer.weight.grad is not None


@torch.inference_mode()
def test_quantised_layers_stay_apart():
    pytest.importorskip("torchao")
    torch.manual_seed(0)
    block = nn.Sequential(*(nn.Linear(96, outputs, dtype=torch.bfloat16) for outputs in (32, 64)))
    resolve_quantization("int8", torch.device("cpu"), torch.bfloat16).quantize(block)
    given = torch.randn(FEW_ROWS + 1, 96, dtype=torch.bfloat16)
    expected = torch.cat([layer(given) for layer in block], -1)
    torch.testing.assert_close(torch.cat(products_of(*block)(given), -1), expected)


@torch.inference_mode()
def test_large_weights_stay_where_they_are(monkeypatch):
    monkeypatch.setattr(f"{product.__module__}.SMALL_BYTES", 4 * 48 * (32 + 16) - 1)
    torch.manual_seed(0)
    layers = [nn.Linear(48, outputs) for outputs in (32, 16)]
    places = [layer.weight.data_ptr() for layer in layers]
    given = torch.randn(5, 48)
    for found, layer in zip(products_of(*layers)(given), layers, strict=True):
        torch.testing.assert_close(found, layer(given))
    assert places == [layer.weight.data_ptr() for layer in layers]


@pytest.mark.parametrize(("vectors", "matrices"), [(1.0, 2.0), (2.0, 1.0)])
def test_the_faster_product_is_taken(monkeypatch, vectors, matrices):
    clock = [0.0]
    for seconds in [vectors] * TRIES + [matrices] * TRIES:
        clock += [clock[-1], clock[-1] + seconds]
    monkeypatch.setattr("time.perf_counter", iter(clock[1:]).__next__)
    assert prefers_vectors.__wrapped__(torch.bfloat16) == (vectors < matrices)

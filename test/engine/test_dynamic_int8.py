"""Layers in int8 do what those in floats do, but for rounding; each row by itself."""

from __future__ import annotations

import weakref
from collections.abc import Sequence

import pytest
import torch
from torch import nn
from torch.nn import functional

from pixelrefer_ros.engine import dynamic_int8
from pixelrefer_ros.engine.dynamic_int8 import (
    OPERATOR,
    DynamicInt8Linear,
    Int8Product,
    can_multiply,
    gelu,
    gelu_between,
    int8_layers,
    multiply_all,
    replace_linears,
)

CPU = torch.device("cpu")
needs_int8 = pytest.mark.skipif(not can_multiply(CPU), reason="this processor has no VNNI")

ROUNDING = 0.015
"""Of two factors of 8 bits: each by 1/127/sqrt(12) of the largest of a row, a few sigma."""


def int8(layer: nn.Linear) -> DynamicInt8Linear:
    (found,) = int8_layers(layer)
    return found


def error(found: torch.Tensor, expected: torch.Tensor) -> float:
    return float((found.float() - expected.float()).norm() / expected.float().norm())


@needs_int8
@pytest.mark.parametrize("shape", [(1,), (7,), (300,), (2, 3), (1, 1, 5)])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@torch.inference_mode()
def test_a_layer_is_replaced_but_for_rounding(shape, bias, dtype):
    torch.manual_seed(0)
    layer = nn.Linear(72, 40, bias=bias).to(dtype)
    rows = torch.randn(*shape, 72, dtype=dtype)
    found = int8(layer)(rows)
    assert found.shape == (*shape, 40)
    assert found.dtype == dtype
    assert 0 < error(found, layer(rows)) < ROUNDING


@needs_int8
@torch.inference_mode()
def test_whole_numbers_are_exact():
    layer = nn.Linear(5, 3, bias=False)
    layer.weight.copy_(torch.tensor([[127, 1, 2, -3, 0], [5, -127, 0, 0, 9], [0, 0, 127, 8, 8]]))
    rows = torch.tensor([[127.0, -5, 8, 0, 1], [-1, -127, -64, 3, 2]])
    torch.testing.assert_close(int8(layer)(rows), layer(rows))


@needs_int8
@torch.inference_mode()
def test_a_row_does_not_depend_on_its_neighbours_or_its_part(monkeypatch):
    torch.manual_seed(0)
    first, second = int8(nn.Linear(72, 40)), int8(nn.Linear(40, 24))
    pair = int8_layers(nn.Linear(72, 8), nn.Linear(72, 24))
    rows = torch.randn(200, 72) * torch.logspace(-3, 3, 200)[:, None]

    def all_ways(rows: torch.Tensor) -> list[torch.Tensor]:
        return [first(rows), *multiply_all([first, *pair], rows), gelu_between(first, second, rows)]

    together = all_ways(rows)
    alone = [all_ways(row[None]) for row in rows]
    monkeypatch.setattr(dynamic_int8, "FEWEST_ROWS", 1)
    monkeypatch.setattr(dynamic_int8, "PART_BYTES", 7 * 4 * 72)
    in_parts = all_ways(rows)
    for way, found in enumerate(together):
        assert torch.equal(found, in_parts[way])
        assert torch.equal(found, torch.cat([each[way] for each in alone]))


@needs_int8
@torch.inference_mode()
def test_zeros_and_what_is_no_number():
    layer = nn.Linear(8, 4)
    rows = torch.zeros(3, 8)
    rows[1, 2], rows[2, 3] = torch.nan, 1e-40
    found = int8(layer)(rows)
    torch.testing.assert_close(found[0], layer.bias)
    assert found[1].isnan().all()
    torch.testing.assert_close(found[2], layer.bias)
    layer.weight.zero_()
    torch.testing.assert_close(int8(layer)(torch.ones(1, 8))[0], layer.bias)


@needs_int8
@pytest.mark.parametrize("bias", [True, False])
@torch.inference_mode()
def test_layers_of_the_same_rows(bias):
    torch.manual_seed(0)
    layers = [nn.Linear(72, outputs, bias=bias) for outputs in (8, 40, 24)]
    rows = torch.randn(5, 72, dtype=torch.bfloat16)
    alone = [int8(layer)(rows) for layer in layers]
    for together in ([*map(int8, layers)], int8_layers(*layers)):
        for outputs in (multiply_all(together, rows), [layer(rows) for layer in together]):
            for found, expected in zip(outputs, alone, strict=True):
                assert found.dtype == rows.dtype
                assert torch.equal(found, expected)


@needs_int8
@torch.inference_mode()
def test_layers_made_together_multiply_once(monkeypatch):
    calls = []

    def multiply(*arguments):
        calls.append(arguments)
        return OPERATOR(*arguments)

    monkeypatch.setattr(dynamic_int8, "OPERATOR", multiply)
    layers = int8_layers(nn.Linear(72, 8), nn.Linear(72, 40))
    multiply_all([*layers, int8(nn.Linear(72, 4))], torch.randn(5, 72))
    assert len(calls) == 2
    assert [layer.stored_bytes for layer in layers] == [8 * (72 + 4), 40 * (72 + 4)]


@needs_int8
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@torch.inference_mode()
def test_gelu_between_two_layers(dtype):
    torch.manual_seed(0)
    first, second = nn.Linear(72, 144).to(dtype), nn.Linear(144, 40).to(dtype)
    rows = torch.randn(300, 72, dtype=dtype)
    found = gelu_between(int8(first), int8(second), rows)
    assert found.dtype == dtype
    expected = second(functional.gelu(first(rows), approximate="tanh"))
    assert error(found, expected) < 2 * ROUNDING


@torch.inference_mode()
def test_gelu_is_that_of_torch_in_place():
    values = torch.linspace(-12, 12, 4001)
    expected = functional.gelu(values, approximate="tanh")
    found = gelu(values)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)
    assert found.data_ptr() == values.data_ptr()


@needs_int8
@torch.inference_mode()
def test_all_linear_layers_of_a_module_give_way_one_after_the_other(monkeypatch):
    class Watched(Int8Product):
        def __init__(self, layers: Sequence[nn.Linear]) -> None:
            assert sum(weight() is not None for weight in weights) == len(weights) - sum(made)
            super().__init__(layers)
            made.append(len(layers))

    heads = {name: nn.Linear(4, 2) for name in ("k_proj", "v_proj", "q_proj", "out_proj")}
    block = nn.Sequential(
        nn.Linear(16, 8),
        nn.GELU(),
        nn.Sequential(nn.Linear(8, 4), nn.Linear(4, 4), nn.ModuleDict(heads)),
        nn.Linear(4, 2),
    )
    linears = [layer for layer in block.modules() if isinstance(layer, nn.Linear)]
    rows = torch.randn(3, 16)

    def results() -> list[torch.Tensor]:
        inner = block[2][:2](block[:2](rows))
        return [block[3](inner), *(layer(inner) for layer in block[2][2].values())]

    before = results()
    weights = [weakref.ref(layer.weight) for layer in linears]
    heads.clear()
    linears.clear()
    made: list[int] = []
    monkeypatch.setattr(dynamic_int8, "Int8Product", Watched)
    replace_linears(block)
    assert made == [1, 1, 1, 3, 1, 1]
    assert not any(isinstance(layer, nn.Linear) for layer in block.modules())
    assert isinstance(block[1], nn.GELU)
    for found, expected in zip(results(), before, strict=True):
        assert error(found, expected) < 4 * ROUNDING


def test_what_can_multiply(monkeypatch):
    assert not can_multiply(torch.device("cuda"))
    capabilities: dict[str, bool] = {}
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    monkeypatch.setattr(torch.cpu, "_is_vnni_supported", lambda: False)
    assert not can_multiply(CPU)
    capabilities["avx_vnni"] = True
    assert can_multiply(CPU) == (dynamic_int8.OPERATOR is not None)
    monkeypatch.setattr(dynamic_int8, "OPERATOR", None)
    assert not can_multiply(CPU)

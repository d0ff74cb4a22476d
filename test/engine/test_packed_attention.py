from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from pixelrefer_ros.engine import packed_attention
from pixelrefer_ros.engine.packed_attention import BUILT_IN, best_attention, use_attention
from pixelrefer_ros.model.image_processor import View


@pytest.mark.parametrize(
    ("name", "dtype", "installed", "capability", "expected"),
    [
        ("cuda", torch.bfloat16, True, (8, 0), "flash_attention_2"),
        ("cuda", torch.bfloat16, False, (8, 0), BUILT_IN),
        ("cuda", torch.float16, False, (7, 5), "sdpa"),
        ("cuda", torch.float32, True, (8, 0), "sdpa"),
        ("cpu", torch.bfloat16, True, (8, 0), "sdpa"),
    ],
)
def test_one_call_for_all_views_where_it_can_be_had(
    monkeypatch, name, dtype, installed, capability, expected
):
    monkeypatch.setattr(packed_attention, "is_flash_attn_2_available", lambda: installed)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert best_attention(torch.device(name), dtype) == expected


def test_torch_without_the_kernel_takes_views_one_by_one(monkeypatch):
    monkeypatch.setattr(packed_attention, "is_flash_attn_2_available", lambda: False)
    monkeypatch.setattr(packed_attention, "varlen_attn", None)
    assert best_attention(torch.device("cuda"), torch.bfloat16) == "sdpa"


def test_the_encoder_reaches_the_kernel_in_its_form(tiny_model, monkeypatch):
    """Stands for the kernel, which only a GPU has: the same attention, view by view."""
    calls = []

    def one_by_one(query, key, value, starts, starts_again, longest, longest_again):
        assert starts.dtype == torch.int32
        assert torch.equal(starts, starts_again)
        assert longest == longest_again == int((starts[1:] - starts[:-1]).max())
        calls.append(len(starts) - 1)
        parts = [torch.tensor_split(t, starts[1:-1].tolist()) for t in (query, key, value)]
        attended = [
            scaled_dot_product_attention(*(t.transpose(0, 1) for t in view))
            for view in zip(*parts, strict=True)
        ]
        return torch.cat([view.transpose(0, 1) for view in attended])

    monkeypatch.setattr(packed_attention, "varlen_attn", one_by_one)
    noise = np.random.default_rng(0)
    views = [
        View(noise.integers(0, 256, (rows * columns, 588), np.uint8), (rows, columns))
        for rows, columns in [(3, 5), (8, 8), (1, 1)]
    ]
    model = copy.deepcopy(tiny_model)
    with torch.inference_mode():
        expected = model.encode_views(views)
        use_attention(model.vision_encoder, BUILT_IN)
        found = model.encode_views(views)
        use_attention(model.vision_encoder, "sdpa")
        assert torch.equal(model.encode_views(views)[views[0]], expected[views[0]])
    assert calls == [3] * model.config.vision.num_hidden_layers
    for view in views:
        torch.testing.assert_close(found[view], expected[view], rtol=1e-4, atol=1e-5)

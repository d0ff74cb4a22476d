from __future__ import annotations

import pytest
import torch

from pixelrefer_ros.engine.dynamic_int8 import can_multiply
from pixelrefer_ros.errors import CheckpointError
from pixelrefer_ros.evaluation.plain_model import load_plain_model
from pixelrefer_ros.evaluation.random_describer import draw_model


def test_a_folder_is_loaded(tiny_model_path):
    model = load_plain_model(str(tiny_model_path), is_drawn=False, device="cpu", dtype="bfloat16")
    assert model.language_model.dtype == torch.bfloat16
    with pytest.raises(CheckpointError):
        load_plain_model("nowhere", is_drawn=False, device="cpu", dtype="auto")


def test_what_is_drawn_is_what_was_quantised():
    plain = load_plain_model("tabletop", is_drawn=True, device="cpu", dtype="float32")
    assert plain.quantization == "none"
    again = draw_model("tabletop", device="cpu", dtype="float32")
    for name, weight in plain.state_dict().items():
        assert torch.equal(weight, again.state_dict()[name])
    if can_multiply(torch.device("cpu")):
        quantised = draw_model(
            "tabletop", device="cpu", dtype="float32", quantization="int8_dynamic"
        )
        embeddings = (m.language_model.model.embed_tokens.weight for m in (plain, quantised))
        assert torch.equal(*embeddings)

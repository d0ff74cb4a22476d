from __future__ import annotations

import json

import pytest
import torch

from pixelrefer_ros.model.compatibility import Framework
from pixelrefer_ros.model.official import official_config
from pixelrefer_ros.model.pixelrefer import PixelRefer


@pytest.mark.parametrize("size", ["2B", "7B"])
@pytest.mark.parametrize(
    ("name", "framework"), [("lite", Framework.OBJECT_ONLY), ("full", Framework.VISION_OBJECT)]
)
def test_names_and_shapes_of_the_released_models(goldens, lite, size, name, framework):
    path = goldens / "tensor_names" / f"{name}_{size.lower()}.json"
    expected = json.loads(path.read_text())
    with torch.device("meta"):
        model = PixelRefer(official_config(framework, size), lite.tokenizer, "released")
    shapes = {name: list(tensor.shape) for name, tensor in model.official_tensors().items()}
    assert shapes == expected

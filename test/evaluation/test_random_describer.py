from __future__ import annotations

import pytest
import torch

from pixelrefer_ros.engine.weight_quantization import weight_types
from pixelrefer_ros.errors import DeviceError
from pixelrefer_ros.evaluation.random_describer import make_random_describer
from pixelrefer_ros.evaluation.workload import Workload


def test_it_answers():
    query = Workload(regions=2, frames=9, tokens=3, width=160, height=120).query(0)
    with make_random_describer(
        "tabletop", device="cpu", dtype="bfloat16", quantization="none", max_regions=18
    ) as describer:
        answers = describer.submit(query).result()
        assert describer.model.language_model.dtype == torch.bfloat16
    assert [answer.model_id for answer in answers] == ["tabletop (random weights)"] * 2


def test_a_device_that_is_not_there_is_said():
    with pytest.raises(DeviceError, match="device is 'tpu'"):
        make_random_describer(
            "tabletop", device="tpu", dtype="auto", quantization="none", max_regions=1
        )


def test_its_weights_can_be_quantised():
    pytest.importorskip("torchao")
    query = Workload(regions=1, frames=1, tokens=3, width=160, height=120).query(0)
    with make_random_describer(
        "tabletop", device="cpu", dtype="bfloat16", quantization="int4", max_regions=1
    ) as describer:
        assert describer.submit(query).result()
        assert weight_types(describer.model) == "bfloat16+int4"

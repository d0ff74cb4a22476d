"""What can be said about TensorRT without the library; it was not run."""

from __future__ import annotations

import importlib.util

import pytest
import torch

from pixelrefer_ros.engine.encoders.tensorrt_runtime import check_tensorrt, choose_profile
from pixelrefer_ros.errors import DeviceError, ExportError, InferenceError

LIMITS = [((1, 256), (16, 256)), ((1, 576), (8, 576)), ((1, 64), (16, 1024))]


@pytest.mark.parametrize(
    ("length", "expected"),
    [(256, (0, 16)), (576, (1, 8)), (64, (2, 16)), (512, (2, 16)), (1024, (2, 16))],
)
def test_the_first_profile_that_takes_a_length(length, expected):
    assert choose_profile(LIMITS, length) == expected


def test_a_length_without_profile_is_named():
    with pytest.raises(InferenceError, match="no profile for views of 2048 patches"):
        choose_profile(LIMITS, 2048)


def test_a_cpu_is_refused():
    with pytest.raises(DeviceError, match="needs a CUDA device, the device is 'cpu'"):
        check_tensorrt(torch.device("cpu"))


@pytest.mark.skipif(importlib.util.find_spec("tensorrt") is not None, reason="it is installed")
def test_the_missing_package_is_told_how_to_get_it():
    with pytest.raises(ExportError, match=r"pip install '\.\[tensorrt\]'"):
        check_tensorrt(torch.device("cuda:0"))

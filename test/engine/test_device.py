from __future__ import annotations

import pytest
import torch

from pixelrefer_ros.engine.device import resolve_device, resolve_dtype
from pixelrefer_ros.errors import DeviceError

needs_no_cuda = pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")


def test_auto_takes_what_the_machine_has():
    assert resolve_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")


@needs_no_cuda
def test_cuda_without_cuda_says_so():
    with pytest.raises(DeviceError, match=r"device is 'cuda', .* sees 0 CUDA devices"):
        resolve_device("cuda")


@pytest.mark.parametrize("name", ["gpu", "mps", "cuda:x", ""])
def test_other_names_are_refused(name):
    with pytest.raises(DeviceError, match=f"device is '{name}', must be auto"):
        resolve_device(name)


def test_the_cpu_computes_in_float32_unless_asked():
    cpu = torch.device("cpu")
    assert resolve_dtype("auto", cpu) is torch.float32
    assert resolve_dtype("bfloat16", cpu) is torch.bfloat16


@pytest.mark.parametrize("name", ["float16", "float64"])
def test_types_the_cpu_lacks_are_refused(name):
    with pytest.raises(DeviceError, match=f"dtype is '{name}'"):
        resolve_dtype(name, torch.device("cpu"))

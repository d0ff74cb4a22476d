from __future__ import annotations

import pytest
import torch

from pixelrefer_ros.engine.failures import as_reported, is_out_of_memory
from pixelrefer_ros.errors import EmptyMaskError, InferenceError, OutOfMemoryError


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        MemoryError(),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
        RuntimeError("OpenCV(5.0.0) error: (-4:Insufficient memory) Failed to allocate 9 bytes"),
        RuntimeError("CUDA error: out of memory"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        InferenceError("ONNX Runtime failed: Failed to allocate memory for requested buffer"),
    ],
)
def test_memory_that_lacks_is_reported_with_what_helps(error):
    assert is_out_of_memory(error)
    reported = as_reported(error, "")
    assert isinstance(reported, OutOfMemoryError)
    assert "request.max_regions" in str(reported)


def test_errors_with_a_code_stay_and_others_get_one(caplog):
    empty = EmptyMaskError("regions[0].mask is empty")
    assert as_reported(empty, "") is empty
    reported = as_reported(KeyError("nobody"), "where it happened")
    assert isinstance(reported, InferenceError)
    assert "KeyError: 'nobody'" in str(reported)
    assert "where it happened" in caplog.text

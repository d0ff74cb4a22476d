"""Every failure gets a code and a message for the person who must act."""

from __future__ import annotations

import logging

import torch

from pixelrefer_ros.errors import InferenceError, OutOfMemoryError, PixelReferError

logger = logging.getLogger(__name__)

OUT_OF_MEMORY_WORDS = (
    "can't allocate memory",  # torch on the CPU
    "Insufficient memory",  # OpenCV
    "CUDA error: out of memory",
    "_STATUS_ALLOC_FAILED",  # cuBLAS, cuDNN
    "Failed to allocate memory",  # ONNX Runtime
)


def as_reported(error: Exception, trace: str) -> PixelReferError:
    """Give every failure a code; unexpected ones are logged whole and reported in one line."""
    if is_out_of_memory(error):
        return OutOfMemoryError(
            f"out of memory: {error}. Ask about fewer regions, or lower request.max_regions and "
            "request.max_batch"
        )
    if isinstance(error, PixelReferError):
        return error
    logger.error("inference failed\n%s", trace)
    return InferenceError(f"inference failed: {type(error).__name__}: {error}")


def not_finite(dtype: torch.dtype) -> InferenceError:
    """Return what to say of a row that is broken, see `generation/row.py`."""
    return InferenceError(
        "the model computed a number that is not finite: its weights are damaged or overflow in "
        f"{dtype}: try dtype float32"
    )


def is_out_of_memory(error: Exception) -> bool:
    """Recognise it on any device; only torch's own allocations on CUDA have a type for it."""
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or any(
        words in str(error) for words in OUT_OF_MEMORY_WORDS
    )

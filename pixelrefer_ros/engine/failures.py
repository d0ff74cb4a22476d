"""Every failure gets a code and a message for the person who must act."""

from __future__ import annotations

import logging

import torch

from pixelrefer_ros.errors import InferenceError, OutOfMemoryError, PixelReferError

logger = logging.getLogger(__name__)


def as_reported(error: Exception, trace: str) -> PixelReferError:
    """Give every failure a code; unexpected ones are logged whole and reported in one line."""
    if isinstance(error, PixelReferError):
        return error
    if is_out_of_memory(error):
        return OutOfMemoryError(
            f"out of memory: {error}. Ask about fewer regions, or lower request.max_regions and "
            "request.max_batch"
        )
    logger.error("inference failed\n%s", trace)
    return InferenceError(f"inference failed: {type(error).__name__}: {error}")


def is_out_of_memory(error: Exception) -> bool:
    """Recognise it on any device; torch and OpenCV have no type of their own for it on the CPU."""
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or any(
        words in str(error) for words in ("can't allocate memory", "Insufficient memory")
    )

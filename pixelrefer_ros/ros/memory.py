"""Keep the process as small as its buffers."""

from __future__ import annotations

import ctypes

M_MMAP_THRESHOLD = -3
LARGE_BLOCK_BYTES = 512 * 1024


def return_large_blocks() -> None:
    """Make glibc give image-sized blocks back to the system as soon as they are freed.

    Left alone, it learns from the first large block to keep such blocks in its heaps, and with
    cameras of different sizes these grow to a multiple of what is in use. Does nothing where the
    C library has no `mallopt`.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK_BYTES)

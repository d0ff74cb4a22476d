"""Keep the process as small as its buffers, and tell how large it is."""

from __future__ import annotations

import ctypes
import gc
import resource
from pathlib import Path

M_TRIM_THRESHOLD = -1
KEPT_BYTES = 16 * 1024**2
"""Free memory at the end of a heap that stays there for the next product: pages given back come
cleared the next time, which takes longer than a small product does."""

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
        mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)


def leave_out_what_is_loaded() -> None:
    """Let the collector of cycles pass over everything that is there now.

    It looks at all objects only once a quarter of them are new, and a model brings so many that
    requests in cycles would keep their pictures for minutes. Undone by `gc.unfreeze()`.
    """
    gc.collect()
    gc.freeze()
    gc.collect()  # counts anew how many there are


def resident_bytes() -> int | None:
    """Return the memory of this process that is in RAM; None where there is no `/proc`."""
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    except OSError:
        return None
    return int(pages) * resource.getpagesize()

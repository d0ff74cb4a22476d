"""What was freed goes back to the system."""

from __future__ import annotations

import ctypes


def return_freed_memory() -> None:
    """Give the free pages of all heaps back; does nothing where the C library is not glibc.

    glibc keeps blocks of up to 32 MB for the next ones, which most weights of a large model are.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)

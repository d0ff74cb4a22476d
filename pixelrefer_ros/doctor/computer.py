"""Cores and threads, memory and disk."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import torch

from pixelrefer_ros.doctor.finding import Finding, Level

SCARCE_MEMORY = 2_000_000_000
SCARCE_DISK = 1_000_000_000
SCARCE_SHARED_MEMORY = 128_000_000
"""The DDS profile takes a segment of 34 MB for each process; bytes, like the two above."""

SHARED_MEMORY = Path("/dev/shm")


def check_computer() -> Iterator[Finding]:
    """Look at what all programs share."""
    yield check_threads(_cores(), torch.get_num_threads(), os.getloadavg()[0])
    if (memory := available_memory()) is not None:
        yield _space("memory", memory, SCARCE_MEMORY, "end other programs or take a smaller model")
    yield _space("disk", shutil.disk_usage(Path.cwd()).free, SCARCE_DISK, "free some of it")
    if SHARED_MEMORY.is_dir():
        yield _space(
            "shared memory",
            shutil.disk_usage(SHARED_MEMORY).free,
            SCARCE_SHARED_MEMORY,
            "DDS sends images through it: give the container more (docker run --shm-size=1g), or "
            f"remove what dead processes left in {SHARED_MEMORY}",
        )


def check_threads(cores: int, threads: int, load: float) -> Finding:
    """Compare the cores that are ours with torch's threads and with what runs already."""
    found = f"{cores} cores, torch takes {threads} threads, load {load:.1f}"
    if threads > cores:
        return Finding(
            Level.WARN, "cores", found, f"set model.threads or OMP_NUM_THREADS to at most {cores}"
        )
    if load > cores:
        return Finding(
            Level.WARN, "cores", found, "other programs keep the cores busy: answers come late"
        )
    return Finding(Level.OK, "cores", found)


def available_memory() -> int | None:
    """Return the bytes that programs can still get; None where there is no `/proc`."""
    try:
        found = re.search(r"MemAvailable:\s*(\d+) kB", Path("/proc/meminfo").read_text())
    except OSError:
        return None
    return int(found[1]) * 1024 if found else None


def _cores() -> int:
    """Count the cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _space(what: str, free: int, scarce: int, cure: str) -> Finding:
    found = f"{free / 1e9:.1f} GB free"
    if free < scarce:
        return Finding(Level.WARN, what, f"{found}, less than {scarce / 1e9:.1f} GB", cure)
    return Finding(Level.OK, what, found)

"""What the machine itself can do at most: the yardstick for what a network makes of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from pixelrefer_ros.engine.device import synchronize

REPEATS = 10


@dataclass(frozen=True)
class MachineLimits:
    """The best rates a device reached just now.

    matmul_flops_per_s: of the product of two large square matrices, 2 n^3 operations.
    copy_bytes_per_s: of a copy within the device's memory, bytes read and bytes written.
    """

    matmul_flops_per_s: float
    copy_bytes_per_s: float


def measure_limits(device: torch.device, dtype: torch.dtype) -> MachineLimits:
    """Time products of matrices of `dtype` and copies, with the threads torch has now."""
    on_cpu = device.type == "cpu"
    side, size = (1024, 2**27) if on_cpu else (8192, 2**30)
    factor = torch.ones(side, side, dtype=dtype, device=device)
    product = torch.empty_like(factor)
    source = torch.ones(size, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    return MachineLimits(
        matmul_flops_per_s=2
        * side**3
        / _shortest(lambda: torch.mm(factor, factor, out=product), device),
        copy_bytes_per_s=2 * size / _shortest(lambda: target.copy_(source), device),
    )


def _shortest(work: Callable[[], object], device: torch.device) -> float:
    """Return the seconds of the fastest of a few times; the first, a warm-up, does not count."""
    seconds = []
    for _ in range(1 + REPEATS):
        synchronize(device)
        started = time.perf_counter()
        work()
        synchronize(device)
        seconds.append(time.perf_counter() - started)
    return min(seconds[1:])

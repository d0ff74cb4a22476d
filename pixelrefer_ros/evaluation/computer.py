"""What a measurement was made on."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path

import torch


@dataclass(frozen=True)
class Computer:
    """Where a model runs.

    processor: what the device is called; cores: of the CPU.
    threads: with which torch computes on the CPU.
    """

    device: str
    processor: str
    cores: int
    threads: int
    torch_version: str
    python_version: str

    @classmethod
    def of_device(cls, device: torch.device) -> Computer:
        """Look at this computer."""
        return cls(
            device=str(device),
            processor=_cpu_name() if device.type == "cpu" else torch.cuda.get_device_name(device),
            cores=os.cpu_count() or 1,
            threads=torch.get_num_threads(),
            torch_version=torch.__version__,
            python_version=platform.python_version(),
        )


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())

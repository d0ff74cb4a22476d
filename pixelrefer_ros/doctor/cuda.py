"""The GPU, and whether torch can use it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch

from pixelrefer_ros.doctor.finding import Finding, Level

DRIVER_SIGNS = (Path("/proc/driver/nvidia/version"), Path("/etc/nv_tegra_release"))
"""Files that are only there with NVIDIA's driver, on a computer and on a Jetson."""


def check_cuda(driver_signs: tuple[Path, ...] = DRIVER_SIGNS) -> Iterator[Finding]:
    """Ask torch for devices; one that the system has and torch does not see is a warning."""
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            yield _describe(index)
        return
    build = f"torch {torch.__version__} is built for CUDA {torch.version.cuda or 'none'}"
    if any(sign.exists() for sign in driver_signs):
        yield Finding(
            Level.WARN,
            "CUDA",
            f"NVIDIA's driver is here, but torch sees no GPU; {build}",
            "install a torch that fits the driver (`nvidia-smi`; on a Jetson, the wheel for its "
            "JetPack); in a container, start it with --gpus all",
        )
    else:
        yield Finding(Level.INFO, "CUDA", f"no GPU; {build}", "model.device auto takes the CPU")


def _describe(index: int) -> Finding:
    properties = torch.cuda.get_device_properties(index)
    free, total = torch.cuda.mem_get_info(index)
    bfloat16 = "" if torch.cuda.is_bf16_supported(False) else ", no bfloat16"
    return Finding(
        Level.OK,
        f"CUDA device {index}",
        f"{properties.name}, compute capability {properties.major}.{properties.minor}{bfloat16}, "
        f"{free / 1e9:.1f} of {total / 1e9:.1f} GB free, CUDA {torch.version.cuda}",
    )

"""Choose the device and the number type, or say plainly why that cannot be had."""

from __future__ import annotations

import gc

import torch

from pixelrefer_ros.errors import DeviceError

DTYPES = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}


def resolve_device(name: str) -> torch.device:
    """Turn `auto`, `cpu`, `cuda` or `cuda:N` into a device of this machine.

    Raises `DeviceError` when it does not exist.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in ("cpu", "cuda"):
        raise DeviceError(f"device is '{name}', must be auto, cpu, cuda or cuda:N")
    if device.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (device.index or 0) >= count:
            raise DeviceError(
                f"device is '{name}', but torch {torch.__version__} sees {count} CUDA devices; "
                "use 'cpu' or 'auto', or install a torch build for this machine's CUDA"
            )
    return device


def resolve_dtype(name: str, device: torch.device) -> torch.dtype:
    """Turn `auto`, `float32`, `bfloat16` or `float16` into a type the device computes in.

    Raises `DeviceError` when the device lacks it: weights cast to a type without hardware
    support give garbage or crawl.
    """
    if name == "auto":
        if device.type == "cpu":
            return torch.float32
        return torch.bfloat16 if _computes_in_bfloat16(device) else torch.float16
    if name not in DTYPES:
        raise DeviceError(f"dtype is '{name}', must be auto, {', '.join(DTYPES)}")
    if name == "float16" and device.type == "cpu":
        raise DeviceError(
            "dtype is 'float16', which needs a GPU; use float32 or bfloat16 on the CPU"
        )
    if name == "bfloat16" and device.type == "cuda" and not _computes_in_bfloat16(device):
        raise DeviceError(
            f"dtype is 'bfloat16', which {torch.cuda.get_device_name(device)} does not compute in; "
            "use float16 or float32"
        )
    return DTYPES[name]


def _computes_in_bfloat16(device: torch.device) -> bool:
    with torch.cuda.device(device):
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))


def synchronize(device: torch.device) -> None:
    """Wait for the device, so that what is timed is over."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def free_memory(device: torch.device) -> None:
    """Give memory that nothing uses any more back to the device, for others to use."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()


def allocated_bytes(device: torch.device) -> int | None:
    """Return the memory of a GPU that this process holds tensors in; None for the CPU."""
    return torch.cuda.memory_allocated(device) if device.type == "cuda" else None

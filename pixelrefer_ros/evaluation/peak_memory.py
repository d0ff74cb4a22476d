"""The most memory that was held at once."""

from __future__ import annotations

import re
import resource
import sys
from contextlib import suppress
from pathlib import Path

import torch

PROCESS = Path("/proc/self")


class PeakMemory:
    """Watches the memory of a device: torch's on a GPU, the whole process's on the CPU."""

    def __init__(self, device: torch.device) -> None:
        self._device = device

    def restart(self) -> None:
        """Forget what was; the CPU's mark sinks to what is held now, where the system allows it."""
        if self._device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self._device)
        else:
            with suppress(OSError):
                (PROCESS / "clear_refs").write_text("5")

    def bytes(self) -> int:
        """Return the most bytes held since the last restart."""
        if self._device.type == "cuda":
            return torch.cuda.max_memory_allocated(self._device)
        with suppress(OSError):
            found = re.search(r"VmHWM:\s*(\d+) kB", (PROCESS / "status").read_text())
            if found:
                return int(found[1]) * 1024
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most * (1 if sys.platform == "darwin" else 1024)

"""What runs on this computer."""

from __future__ import annotations

import os
from pathlib import Path


def processes_with(text: str) -> list[str]:
    """Return the command lines that hold a text, without this process."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:  # ended in the meantime
            continue
        if text in line and path.parent.name != str(os.getpid()):
            lines.append(line)
    return lines

"""What runs on this computer."""

from __future__ import annotations

import os
import time
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


def wait_until_gone(text: str, timeout_s: float = 60.0) -> None:
    """Return when nothing runs that has a text in its command line; fail when it goes on."""
    deadline = time.monotonic() + timeout_s
    while running := processes_with(text):
        assert time.monotonic() < deadline, running
        time.sleep(0.1)

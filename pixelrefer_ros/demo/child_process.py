"""Processes that end with the demo, however it ends."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from pixelrefer_ros.errors import CommandError

PATIENCE_S = 10.0
"""Time to end after being asked to."""
REAPING_S = 1.0
SHOWN_LINES = 20


class ChildProcess:
    """A process that runs within a `with` block and writes what it says to a log file."""

    def __init__(self, name: str, command: Sequence[str], log: Path) -> None:
        self.name = name
        self.log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
            )

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    def is_running(self) -> bool:
        """Tell whether it has yet to end; raise `CommandError` if it ended with a failure."""
        status = self._process.poll()
        if status:
            raise CommandError(f"{self._report(status)}")
        return status is None

    def check_running(self) -> None:
        """Raise `CommandError` if it ended."""
        if not self.is_running():
            raise CommandError(self._report(0))

    def __enter__(self) -> ChildProcess:
        return self

    def __exit__(self, *error: object) -> None:
        if self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            pass
        finally:
            self._process.kill()
            # Bounded: an interrupted poll() can leave Popen locked, and wait() would never return.
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(REAPING_S)

    def _report(self, status: int) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        said = "\n".join(lines[-SHOWN_LINES:]) or "(nothing)"
        return f"{self.name} ended with status {status}, having said:\n{said}"


def python_module(module_and_arguments: Sequence[str]) -> list[str]:
    """Write the command line that runs a module with the Python of this process."""
    return [sys.executable, "-m", *module_and_arguments]

"""Whether the threads that take frames got a processor when they needed one."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

from pixelrefer_ros.soak.cameras import CAMERAS, RATE_HZ

SEGMENT_BYTES = 33_554_432
"""Shared memory of a publisher, as in `config/fastdds.xml`."""

STARVED = SEGMENT_BYTES / max(3 * camera.width * camera.height for camera in CAMERAS) / RATE_HZ
"""Seconds until a frame of the largest camera is overwritten by those after it. A thread that waits
for a processor less than that in every second loses none."""

TAKING = "dds."
"""How the names of the threads begin with which Fast DDS takes what arrives."""


class ProcessorWait:
    """Measures a process on Linux; elsewhere, and with another middleware, nothing.

    longest: most seconds that one of its threads that take frames was kept from a processor in a
    second, of all times `sample` was called. starved_s: seconds in which that was more than
    `STARVED`.
    """

    def __init__(self, pid: int) -> None:
        self.longest = 0.0
        self.starved_s = 0.0
        self._tasks = Path("/proc") / str(pid) / "task"
        self._before = self._waited()
        self._moment = time.monotonic()

    def sample(self) -> None:
        """Look again; to be called about once a second."""
        now, moment = self._waited(), time.monotonic()
        passed_s = moment - self._moment
        since = [waited_s - self._before.get(thread, waited_s) for thread, waited_s in now.items()]
        share = max(since, default=0.0) / passed_s
        self.longest = max(self.longest, share)
        if share > STARVED:
            self.starved_s += passed_s
        self._before, self._moment = now, moment

    def _waited(self) -> dict[str, float]:
        """Return how long each thread has waited so far, seconds."""
        waited: dict[str, float] = {}
        with suppress(OSError):
            for task in self._tasks.iterdir():
                with suppress(OSError):  # it has ended meanwhile
                    if (task / "comm").read_text().startswith(TAKING):
                        waited_ns = int((task / "schedstat").read_text().split()[1])
                        waited[task.name] = waited_ns / 1e9
        return waited

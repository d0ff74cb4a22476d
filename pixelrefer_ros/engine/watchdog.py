"""Notices work that does not end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from weakref import WeakMethod

LONGEST_PAUSE_S = 1.0


class Watchdog:
    """Calls `on_hang(what, limit_s)` once, from a thread of its own, when a step takes too long.

    A step is what runs within `watch`, called from one thread; steps may be nested, the innermost
    counts. A limit of 0 s watches nothing. `on_hang` is a method, whose object is not kept alive:
    without it watching ends.
    """

    def __init__(self, limit_s: float, on_hang: Callable[[str, float], None]) -> None:
        self._limit_s = limit_s
        self._on_hang = WeakMethod(on_hang)
        self._step: tuple[str, float] | None = None
        self._closed = threading.Event()
        if limit_s:
            threading.Thread(target=self._run, name="pixelrefer watchdog", daemon=True).start()

    @contextmanager
    def watch(self, what: str) -> Iterator[None]:
        """Expect what runs in this context to end in time."""
        outer, self._step = self._step, (what, time.monotonic())
        try:
            yield
        finally:
            self._step = outer and (outer[0], time.monotonic())

    def restart(self) -> None:
        """Give the step that is watched all its time again: it shows that it lives."""
        if self._step is not None:
            self._step = (self._step[0], time.monotonic())

    def close(self) -> None:
        """Watch no longer."""
        self._closed.set()

    def _run(self) -> None:
        while not self._closed.wait(min(LONGEST_PAUSE_S, self._limit_s / 4)):
            on_hang, step = self._on_hang(), self._step
            if on_hang is None:
                return
            if step is not None and time.monotonic() - step[1] > self._limit_s:
                on_hang(step[0], self._limit_s)
                return
            del on_hang

"""Notices work that does not end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from weakref import WeakMethod

LONGEST_PAUSE_S = 1.0


class _Step:
    """What runs; one object for each time that it is given."""

    def __init__(self, what: str) -> None:
        self.what = what


class Watchdog:
    """Calls `on_hang(what, limit_s)` once, from a thread of its own, when a step takes too long.

    A step is what runs within `watch`, called from one thread; steps may be nested, the innermost
    counts. A limit of 0 s watches nothing. `on_hang` is a method, whose object is not kept alive:
    without it watching ends.
    """

    def __init__(self, limit_s: float, on_hang: Callable[[str, float], None]) -> None:
        self._limit_s = limit_s
        self._on_hang = WeakMethod(on_hang)
        self._step: _Step | None = None
        self._closed = threading.Event()
        if limit_s:
            threading.Thread(target=self._run, name="pixelrefer watchdog", daemon=True).start()

    @contextmanager
    def watch(self, what: str) -> Iterator[None]:
        """Expect what runs in this context to end in time."""
        outer, self._step = self._step, _Step(what)
        try:
            yield
        finally:
            self._step = outer and _Step(outer.what)

    def restart(self) -> None:
        """Give the step that is watched all its time again: it shows that it lives."""
        if self._step is not None:
            self._step = _Step(self._step.what)

    def close(self) -> None:
        """Watch no longer."""
        self._closed.set()

    def _run(self) -> None:
        """Count looks, not seconds: a process that was kept from running has not hung."""
        pause_s = min(LONGEST_PAUSE_S, self._limit_s / 4)
        seen, looks = None, 0
        while not self._closed.wait(pause_s):
            on_hang, step = self._on_hang(), self._step
            if on_hang is None:
                return
            looks = looks + 1 if step is seen else 0
            seen = step
            if step is not None and looks * pause_s > self._limit_s:
                on_hang(step.what, self._limit_s)
                return
            del on_hang

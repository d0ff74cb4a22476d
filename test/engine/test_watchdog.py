"""Work that does not end is noticed, other work is left in peace."""

from __future__ import annotations

import threading
import time

import pytest

from pixelrefer_ros.engine.watchdog import Watchdog


class Heard:
    def __init__(self) -> None:
        self.calls: list[tuple[str, float]] = []
        self.first = threading.Event()

    def hear(self, what: str, limit_s: float) -> None:
        self.calls.append((what, limit_s))
        self.first.set()


def test_a_step_that_takes_too_long_is_told_once():
    heard = Heard()
    watchdog = Watchdog(0.1, heard.hear)
    with watchdog.watch("thinking"):
        assert heard.first.wait(30)
        time.sleep(0.3)
    assert heard.calls == [("thinking", 0.1)]


def test_many_short_steps_and_idleness_are_no_hang():
    heard = Heard()
    watchdog = Watchdog(1.0, heard.hear)
    with watchdog.watch("outer"):
        for _ in range(6):
            time.sleep(0.15)
            with watchdog.watch("inner"):
                time.sleep(0.15)
    time.sleep(1.5)
    watchdog.close()
    assert heard.calls == []


def watching() -> set[threading.Thread]:
    """Return the threads of watchdogs; those of other tests may end at any moment."""
    return {thread for thread in threading.enumerate() if thread.name == "pixelrefer watchdog"}


def test_without_a_limit_nothing_is_watched():
    before = watching()
    watchdog = Watchdog(0.0, Heard().hear)
    with watchdog.watch("thinking"):
        assert watching() <= before


@pytest.mark.parametrize("by", ["closing", "nobody left to tell"])
def test_the_thread_ends(by):
    before, heard = watching(), Heard()
    watchdog = Watchdog(0.1, heard.hear)
    (thread,) = watching() - before
    if by == "closing":
        watchdog.close()
    else:
        del heard
    thread.join(30)
    assert not thread.is_alive()

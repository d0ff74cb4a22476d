"""Deadlines of what others wait for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any
from weakref import WeakMethod

from pixelrefer_ros.errors import DeadlineError


def expire_after(
    seconds: float, future: Future[Any], fail: Callable[[DeadlineError], None], error: DeadlineError
) -> None:
    """Call `fail(error)` in so many seconds, now if none are left, unless it is done by then."""
    if seconds <= 0:
        fail(error)
        return
    weak = WeakMethod(fail)  # not to keep what failed, and its pictures, through the future's timer

    def expire() -> None:
        fail = weak()
        if fail is not None:
            fail(error)

    timer = threading.Timer(seconds, expire)
    timer.daemon = True
    future.add_done_callback(lambda _: timer.cancel())
    timer.start()

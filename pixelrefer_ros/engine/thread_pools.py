"""Which thread computes: on a CPU, torch keeps threads at hand for each that ever did."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

Result = TypeVar("Result")


def compute_apart(work: Callable[[], Result]) -> Result:
    """Return what `work` returns, done by a thread that has ended then, or raise what it raises.

    OpenMP gives each thread that computes a pool of its own for as long as that thread lives.
    Once all pools together have more threads than there are processors, GNU's no longer waits
    actively, and small products take more than twice as long, in all threads. So whatever is
    computed beside the worker, such as loading, is left to a thread that takes its pool along.
    """
    future: Future[Result] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    thread = threading.Thread(target=run, name="compute apart", daemon=True)
    thread.start()
    thread.join()
    return future.result()

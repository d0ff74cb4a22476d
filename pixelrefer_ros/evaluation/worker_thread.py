"""Computing on the thread of a describer's worker, which no other may compute beside."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

import numpy as np

from pixelrefer_ros.engine.describer import Describer
from pixelrefer_ros.engine.query import Query, as_frames
from pixelrefer_ros.regions.reference import Region

Result = TypeVar("Result")


def compute_on_worker(describer: Describer, work: Callable[[], Result]) -> Result:
    """Return what `work` returns on the thread that answers, or raise what it raises.

    What is compared with the engine must have what it has: its pool of threads, with no second
    one beside (see `compute_apart`), and its priority. The describer must have nothing to do; it
    is asked something small, and `work` is done as soon as the worker says that it begins.
    """
    asking = threading.current_thread()
    future: Future[Result] = Future()

    def listen() -> None:
        if threading.current_thread() is asking or future.done():
            return
        try:
            future.set_result(work())
        except Exception as error:
            future.set_exception(error)

    frames = as_frames(np.zeros((32, 32, 3), np.uint8))
    query = Query(frames, [Region(box=(8, 8, 16, 16))], max_new_tokens=1)
    describer.submit(query, on_progress=listen).result()
    return future.result()

"""Ask all queries of a file, in this process or in several."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process

from pixelrefer_ros.errors import CommandError
from pixelrefer_ros.replay.asking import Asker, AskingSettings
from pixelrefer_ros.replay.queries import ReplayQuery
from pixelrefer_ros.replay.recording import Recording
from pixelrefer_ros.replay.results import Outcome


def ask_all(
    recording: Recording,
    queries: Sequence[ReplayQuery],
    settings: AskingSettings,
    *,
    workers: int = 1,
) -> Iterator[Outcome]:
    """Yield what came of each query, in the order they are done.

    Each of `workers` processes has the model to itself. Raises what loading it raises, and
    `CommandError` when a process dies.
    """
    if workers > 1 and len(queries) > 1:
        yield from _ask_in_processes(recording, queries, settings, min(workers, len(queries)))
        return
    if queries:
        with Asker(recording, settings) as asker:
            yield from map(asker.ask, queries)


def _ask_in_processes(
    recording: Recording,
    queries: Sequence[ReplayQuery],
    settings: AskingSettings,
    workers: int,
) -> Iterator[Outcome]:
    threads = max(1, (os.cpu_count() or 1) // workers)
    pool = ProcessPoolExecutor(
        workers, get_context("spawn"), _begin, (recording, settings, threads)
    )
    try:
        for future in as_completed([pool.submit(_ask, query) for query in queries]):
            yield future.result()
    except BrokenProcessPool as error:
        raise CommandError(
            f"one of {workers} workers ended without an answer, was it short of memory? Fewer "
            "--workers need less"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


_begun: tuple[Recording, AskingSettings]
_asker: Asker | None = None


def _begin(recording: Recording, settings: AskingSettings, threads: int) -> None:
    """Make a worker ready; the model is loaded with the first query, whose errors are heard."""
    global _begun
    import torch

    torch.set_num_threads(threads)
    _begun = recording, settings
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _ask(query: ReplayQuery) -> Outcome:
    global _asker
    if _asker is None:
        _asker = Asker(*_begun)
    return _asker.ask(query)

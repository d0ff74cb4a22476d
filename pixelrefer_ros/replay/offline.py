"""Ask all queries of a file, in this process or in several."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context

import torch

from pixelrefer_ros.errors import CommandError
from pixelrefer_ros.replay.asking import Asker, AskingSettings
from pixelrefer_ros.replay.queries import ReplayQuery
from pixelrefer_ros.replay.recording import Recording
from pixelrefer_ros.replay.results import Outcome
from pixelrefer_ros.worker_processes import end_with_parent


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
        with Asker(recording, queries, settings) as asker:
            yield from map(asker.ask, queries)


def _ask_in_processes(
    recording: Recording,
    queries: Sequence[ReplayQuery],
    settings: AskingSettings,
    workers: int,
) -> Iterator[Outcome]:
    begin_with = recording, queries, settings, threads_of_each(workers)
    pool = ProcessPoolExecutor(workers, get_context("spawn"), _begin, begin_with)
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


def threads_of_each(workers: int) -> int:
    """Share out the processor; no worker takes more than this process may, by OMP_NUM_THREADS."""
    return max(1, min(torch.get_num_threads(), (os.cpu_count() or 1) // workers))


_begun: tuple[Recording, Sequence[ReplayQuery], AskingSettings]
_asker: Asker | None = None


def _begin(
    recording: Recording, queries: Sequence[ReplayQuery], settings: AskingSettings, threads: int
) -> None:
    """Make a worker ready; the model is loaded with the first query, whose errors are heard."""
    global _begun
    torch.set_num_threads(threads)
    _begun = recording, queries, settings
    end_with_parent()


def _ask(query: ReplayQuery) -> Outcome:
    global _asker
    if _asker is None:
        _asker = Asker(*_begun)
    return _asker.ask(query)

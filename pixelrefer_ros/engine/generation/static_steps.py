"""Steps in a few shapes that are known, and made ready, before the first request."""

from __future__ import annotations

import logging
from bisect import bisect_left
from collections.abc import Callable, Sequence
from functools import partial

import torch

from pixelrefer_ros.engine.generation.key_value_cache import KeyValueCache
from pixelrefer_ros.engine.generation.language_network import LanguageNetwork
from pixelrefer_ros.engine.generation.steps import PlainSteps, Run, StepResult
from pixelrefer_ros.engine.generation.token_choice import summarise

logger = logging.getLogger(__name__)

COLUMNS = (128, 256, 512, 1024)
COLUMNS_WITH_PICTURES = (*COLUMNS, 2048)
"""The prompts about pictures of the paper have 1441 tokens, which Eq. 9 gives its figures for."""


def row_counts(max_rows: int) -> tuple[int, ...]:
    """Return the numbers of rows that steps are made ready for: 1, 2, 4, ... and the largest."""
    return (*(1 << k for k in range((max_rows - 1).bit_length())), max_rows)


class StaticSteps:
    """Rounds rows and columns up to the next of a few shapes; idle rows read a token of no use.

    cache: has room for the largest shape from the start, and holds no row yet. Whatever is larger
        is computed as it is.
    record: makes the step of one shape ready: takes a function without arguments that finds its
        input at the same place of the memory each time, and returns one that does the same.
    """

    def __init__(
        self,
        network: LanguageNetwork,
        cache: KeyValueCache,
        record: Callable[[Run], Run],
        *,
        columns: Sequence[int],
    ) -> None:
        self._network = network
        self._cache = cache
        self._plain = PlainSteps(network, cache)
        self._rows = row_counts(cache.rows)
        self._columns = tuple(columns)
        self._input = torch.zeros(2, cache.rows, dtype=torch.long, device=network.model.device)
        # The largest first: the smaller ones find room in the memory it needed.
        shapes = [(r, c) for r in reversed(self._rows) for c in reversed(self._columns)]
        self._runs: dict[tuple[int, int], Run] = {}
        for number, shape in enumerate(shapes, start=1):
            self._runs[shape] = record(partial(self._run, *shape))
            logger.info(
                "decoding %d rows of %d tokens: ready, %d of %d", *shape, number, len(shapes)
            )

    def run(self, token_ids: Sequence[int], positions: Sequence[int]) -> StepResult:
        """Read one token of each row at its position; the result holds until the next call."""
        count, needed = len(token_ids), max(positions) + 1
        if self._cache.has_grown or count > self._rows[-1] or needed > self._columns[-1]:
            return self._plain.run(token_ids, positions)
        rows = self._rows[bisect_left(self._rows, count)]
        columns = self._columns[bisect_left(self._columns, needed)]
        idle = [0] * (rows - count)
        self._input[:, :rows] = torch.tensor([[*token_ids, *idle], [*positions, *idle]])
        logits, summary = self._runs[rows, columns]()
        return logits[:count], summary[:count]

    @torch.inference_mode()
    def _run(self, rows: int, columns: int) -> StepResult:
        ids, places = self._input[:, :rows]
        logits = self._network.read_tokens(
            ids, places, self._cache, columns, all_end_together=False
        )
        return logits, summarise(logits)

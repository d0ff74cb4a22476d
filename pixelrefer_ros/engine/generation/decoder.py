"""Continuous batching: rows join and leave between two steps of all."""

from __future__ import annotations

import time
from collections.abc import Sequence

import torch

from pixelrefer_ros.engine.generation.key_value_cache import KeyValueCache
from pixelrefer_ros.engine.generation.language_network import LanguageNetwork
from pixelrefer_ros.engine.generation.row import Row
from pixelrefer_ros.engine.generation.steps import Steps
from pixelrefer_ros.engine.generation.token_choice import choose_tokens, summarise


class Decoder:
    """Decodes rows together; each gets the tokens it would get alone.

    Joining costs one pass over the new prompts, a step one pass over the newest token of every
    row. A row that has finished leaves at once. Where `join` or `step` raises, the rows are as
    they were before, but for new rows that may have their first token.
    """

    def __init__(self, network: LanguageNetwork, cache: KeyValueCache, steps: Steps) -> None:
        self._network = network
        self._cache = cache
        self._steps = steps
        self._rows: list[Row] = []

    @torch.inference_mode()
    def join(self, rows: Sequence[Row]) -> list[Row]:
        """Read the prompts of rows and choose a token for each; return those that finished.

        A row that has been decoded before goes on where it was.
        """
        started = time.monotonic()
        prompts = [self._prompt(row) for row in rows]
        first = len(self._rows)
        self._cache.reserve(first + len(rows), max(len(prompt) for prompt in prompts) + 1)
        logits = self._network.read_prompts(prompts, self._cache, first)
        self._choose(rows, logits, summarise(logits))
        now = time.monotonic()
        for row in rows:
            if not row.prefilled:
                row.prefilled, row.prefill_s = now, now - started
        self._rows += rows
        return self._let_finished_leave(now)

    @torch.inference_mode()
    def step(self) -> list[Row]:
        """Choose the next token of every row; return those that finished."""
        positions = [row.position for row in self._rows]
        self._cache.reserve(len(positions), max(positions) + 1)
        token_ids = [row.token_ids[-1] for row in self._rows]
        self._choose(self._rows, *self._steps.run(token_ids, positions))
        return self._let_finished_leave(time.monotonic())

    def clear(self) -> None:
        """Let all rows leave as they are, and give back the memory they took."""
        self._rows = []
        self._cache.shrink(0, 0)

    def _prompt(self, row: Row) -> torch.Tensor:
        if not row.token_ids:
            return row.embeds
        spoken = torch.tensor(row.token_ids, device=row.embeds.device)
        return torch.cat([row.embeds, self._network.model.get_input_embeddings()(spoken)])

    def _choose(self, rows: Sequence[Row], logits: torch.Tensor, summary: torch.Tensor) -> None:
        choosers = [row.chooser for row in rows]
        chosen = choose_tokens(logits, summary, choosers, [row.token_ids for row in rows])
        for row, (token_id, probability) in zip(rows, chosen, strict=True):
            row.take(token_id, probability)

    def _let_finished_leave(self, now: float) -> list[Row]:
        finished = []
        # From the last on, so that whoever takes a free place is known to stay.
        for place in reversed(range(len(self._rows))):
            row = self._rows[place]
            row.decode_s = now - row.prefilled
            if row.finished:
                finished.append(row)
                last = self._rows.pop()
                if last is not row:
                    self._rows[place] = last
                    self._cache.move(len(self._rows), place)
        needed = max((row.position + 1 for row in self._rows), default=0)
        self._cache.shrink(len(self._rows), needed)
        return finished[::-1]

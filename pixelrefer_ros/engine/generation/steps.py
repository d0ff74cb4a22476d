"""One step of all rows, in whatever shapes they have."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import torch

from pixelrefer_ros.engine.generation.key_value_cache import KeyValueCache
from pixelrefer_ros.engine.generation.language_network import LanguageNetwork
from pixelrefer_ros.engine.generation.token_choice import summarise

StepResult = tuple[torch.Tensor, torch.Tensor]
"""Logits [N, vocabulary] and what `summarise` says of them, [N, 3]."""
Run = Callable[[], StepResult]
"""A step of one shape, with its input at a fixed place of the memory."""


class Steps(Protocol):
    """Runs the language model on the newest tokens of the first N rows of a cache."""

    def run(self, token_ids: Sequence[int], positions: Sequence[int]) -> StepResult:
        """Read one token of each row at its position; the result holds until the next call."""


class PlainSteps:
    """Computes exactly the rows and columns there are."""

    def __init__(self, network: LanguageNetwork, cache: KeyValueCache) -> None:
        self._network = network
        self._cache = cache

    def run(self, token_ids: Sequence[int], positions: Sequence[int]) -> StepResult:
        """Read one token of each row at its position."""
        ids, places = torch.tensor([token_ids, positions], device=self._network.model.device)
        logits = self._network.read_tokens(
            ids,
            places,
            self._cache,
            columns=max(positions) + 1,
            all_end_together=min(positions) == max(positions),
        )
        return logits, summarise(logits)

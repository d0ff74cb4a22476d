"""One prompt on its way through the language model."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import torch

from pixelrefer_ros.engine.generation.token_choice import TokenChooser


@dataclass(eq=False)
class Row:
    """A prompt and what has become of it.

    `embeds` [length, width] is the prompt, `token_ids` and `probabilities` grow with each step;
    one of `eos_token_ids` ends the row. `on_token` hears of each new token; `is_wanted` turns
    false when nobody waits any more, and the row leaves at the next step. `broken` means the
    model gave no finite number. `prefilled` is when the first token was there, in seconds of the
    monotonic clock; prefill took `prefill_s` until then, all further tokens `decode_s`.
    """

    embeds: torch.Tensor
    max_new_tokens: int
    eos_token_ids: frozenset[int] = frozenset()
    chooser: TokenChooser = field(default_factory=TokenChooser)
    on_token: Callable[[int], None] = lambda token_id: None
    is_wanted: Callable[[], bool] = lambda: True
    token_ids: list[int] = field(default_factory=list)
    probabilities: list[float] = field(default_factory=list)
    ended: bool = False
    broken: bool = False
    prefilled: float = 0.0
    prefill_s: float = 0.0
    decode_s: float = 0.0

    @property
    def position(self) -> int:
        """Where the newest token stands, counted from the first of the prompt."""
        return len(self.embeds) + len(self.token_ids) - 1

    @property
    def complete(self) -> bool:
        """True once the end token came, the limit is reached or the model failed."""
        return self.ended or self.broken or len(self.token_ids) >= self.max_new_tokens

    @property
    def finished(self) -> bool:
        """True once it is complete or nobody waits for it."""
        return self.complete or not self.is_wanted()

    def take(self, token_id: int, probability: float) -> None:
        """Grow by one token; a probability that is no number breaks the row."""
        self.token_ids.append(token_id)
        self.probabilities.append(probability)
        self.ended = token_id in self.eos_token_ids
        self.broken = math.isnan(probability)
        self.on_token(token_id)

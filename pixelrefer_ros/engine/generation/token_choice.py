"""Which token comes next, and how sure the model is of it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from pixelrefer_ros.engine.query import Sampling


class TokenChooser:
    """Chooses the tokens of one row; a greedy one asks for no random numbers."""

    def __init__(
        self,
        sampling: Sampling = Sampling(),  # noqa: B008  (frozen)
        repetition_penalty: float = 1.0,
    ) -> None:
        self._sampling = sampling
        self._repetition_penalty = repetition_penalty
        self._generator = torch.Generator().manual_seed(sampling.seed)

    @property
    def takes_the_likeliest(self) -> bool:
        """True where the choice is the largest logit and nothing else."""
        return self._sampling.temperature == 0.0 and self._repetition_penalty == 1.0

    def choose(self, logits: torch.Tensor, seen: Sequence[int]) -> int:
        """Choose from float32 logits [vocabulary]; `seen` are the ids generated so far."""
        if seen and self._repetition_penalty != 1.0:
            ids = torch.tensor(sorted(set(seen)), device=logits.device)
            scores = logits[ids]
            penalty = self._repetition_penalty
            logits = logits.clone()
            logits[ids] = torch.where(scores > 0, scores / penalty, scores * penalty)
        if self._sampling.temperature == 0.0:
            return int(logits.argmax())
        probabilities = (logits.cpu() / self._sampling.temperature).softmax(-1)
        ordered, order = probabilities.sort(descending=True)
        # A token is out once those before it already hold top_p.
        ordered[ordered.cumsum(0) - ordered >= self._sampling.top_p] = 0.0
        return int(order[torch.multinomial(ordered, 1, generator=self._generator)])


def summarise(logits: torch.Tensor) -> torch.Tensor:
    """Return of each row of logits [R, vocabulary] what a choice needs, float64 [R, 3].

    That is the likeliest token, its logit, and log(sum(exp(logits))): one small transfer from
    the device.
    """
    logits = logits.float()
    best, ids = logits.max(-1)
    total = logits.logsumexp(-1)
    return torch.stack([ids.double(), best.double(), total.double()], -1)


def choose_tokens(
    logits: torch.Tensor,
    summary: torch.Tensor,
    choosers: Sequence[TokenChooser],
    seen: Sequence[Sequence[int]],
) -> list[tuple[int, float]]:
    """Return the next token of each row and its probability under the model's own distribution.

    logits: [R, vocabulary]; summary: what `summarise` says of them; seen: the ids of each row so
    far. The probability is NaN where a logit is not finite.
    """
    chosen = []
    for row, (likeliest, best, total) in enumerate(summary.tolist()):
        token_id, logit = int(likeliest), best
        if not choosers[row].takes_the_likeliest and math.isfinite(total):
            token_id = choosers[row].choose(logits[row].float(), seen[row])
            logit = float(logits[row, token_id])
        chosen.append((token_id, math.exp(logit - total)))
    return chosen

"""Which token comes next, and how sure the model is of it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from pixelrefer_ros.engine.query import Sampling


class TokenChooser:
    """What tokens of one row are chosen by; a greedy one asks for no random numbers."""

    def __init__(
        self,
        sampling: Sampling = Sampling(),  # noqa: B008  (frozen)
        repetition_penalty: float = 1.0,
    ) -> None:
        self.repetition_penalty = repetition_penalty
        self._sampling = sampling
        self._generator = torch.Generator().manual_seed(sampling.seed)

    @property
    def is_greedy(self) -> bool:
        """True where the likeliest is chosen, after the penalty."""
        return self._sampling.temperature == 0.0

    def draw(self, logits: torch.Tensor) -> int:
        """Choose at random by float32 logits [vocabulary]."""
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
    found = summary.tolist()
    chosen = [(int(likeliest), best) for likeliest, best, _ in found]
    totals = [total for _, _, total in found]
    usable = [row for row, total in enumerate(totals) if math.isfinite(total)]
    punished = [row for row in usable if seen[row] and choosers[row].repetition_penalty != 1.0]
    adjusted = logits
    if punished:
        adjusted = logits.to(torch.float32, copy=True)
        adjusted[punished] = penalise(
            adjusted[punished],
            [seen[row] for row in punished],
            [choosers[row].repetition_penalty for row in punished],
        )
        ids = adjusted[punished].argmax(-1)
        own = logits[punished].gather(1, ids[:, None])[:, 0]
        pairs = torch.stack([ids.double(), own.double()], -1).tolist()
        for row, (token_id, logit) in zip(punished, pairs, strict=True):
            chosen[row] = int(token_id), logit
    for row in usable:
        if not choosers[row].is_greedy:
            token_id = choosers[row].draw(adjusted[row].float())
            chosen[row] = token_id, float(logits[row, token_id])
    return [
        (token_id, math.exp(logit - total))
        for (token_id, logit), total in zip(chosen, totals, strict=True)
    ]


def penalise(
    logits: torch.Tensor, seen: Sequence[Sequence[int]], penalties: Sequence[float]
) -> torch.Tensor:
    """Make the tokens seen in each row less likely, logits float32 [R, vocabulary].

    A logit above zero is divided by the penalty, another multiplied with it, once for a token
    however often it was seen: the penalty of CTRL (arXiv 1909.05858), as in transformers.
    """
    longest = max(map(len, seen))
    # Repeating an id to fill up its row changes nothing.
    filled = [[*ids, *[ids[-1]] * (longest - len(ids))] for ids in seen]
    ids = torch.tensor(filled, device=logits.device)
    factor = torch.tensor(penalties, dtype=logits.dtype, device=logits.device)[:, None]
    scores = logits.gather(1, ids)
    return logits.scatter(1, ids, torch.where(scores > 0, scores / factor, scores * factor))

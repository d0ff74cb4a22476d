"""Batched decoding: one prefill for all prompts, then one step for all unfinished rows."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from transformers import DynamicCache, Qwen2ForCausalLM

from pixelrefer_ros.engine.query import Sampling


@dataclass(eq=False)
class Row:
    """One prompt on its way through the language model.

    `embeds` [length, width] is the prompt, `token_ids` and `probabilities` grow with each step.
    `on_token` hears of each new token; `is_wanted` turns false when nobody waits any more, and
    the row leaves the batch at the next step. `broken` means the model gave no finite number.
    """

    embeds: torch.Tensor
    max_new_tokens: int
    sampling: Sampling = field(default_factory=Sampling)
    on_token: Callable[[int], None] = lambda token_id: None
    is_wanted: Callable[[], bool] = lambda: True
    token_ids: list[int] = field(default_factory=list)
    probabilities: list[float] = field(default_factory=list)
    ended: bool = False
    broken: bool = False
    prefill_s: float = 0.0
    decode_s: float = 0.0

    @property
    def finished(self) -> bool:
        """True once the end token came, the limit is reached or there is no use going on."""
        return (
            self.ended
            or self.broken
            or len(self.token_ids) >= self.max_new_tokens
            or not self.is_wanted()
        )


@torch.inference_mode()
def generate(
    language_model: Qwen2ForCausalLM,
    rows: Sequence[Row],
    *,
    eos_token_ids: frozenset[int],
    repetition_penalty: float = 1.0,
    on_finished: Callable[[Row], None] = lambda row: None,
) -> None:
    """Decode all rows together until each has finished, filling them in place.

    Prompts are padded on the left so that every row ends at the same place; padding is masked
    and positions start at 0 in each row, so a row's tokens do not depend on its neighbours.
    Finished rows leave the batch at once and are handed to `on_finished`.
    """
    started = time.monotonic()
    embeds, attention_mask = _pad_left([row.embeds for row in rows])
    positions = (attention_mask.cumsum(1) - 1).clamp(min=0)
    cache = DynamicCache(config=language_model.config)
    samplers = [_TokenChooser(row.sampling, repetition_penalty) for row in rows]
    active = list(range(len(rows)))
    prefilled: float | None = None
    step_inputs = {"inputs_embeds": embeds}
    while True:
        logits = language_model(
            **step_inputs,
            attention_mask=attention_mask,
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        ).logits[:, -1]
        step_ids = _choose_tokens(logits, [rows[i] for i in active], [samplers[i] for i in active])
        now = time.monotonic()
        prefilled = now if prefilled is None else prefilled
        kept = []
        for place, (i, token_id) in enumerate(zip(active, step_ids, strict=True)):
            row = rows[i]
            row.prefill_s, row.decode_s = prefilled - started, now - prefilled
            row.ended = token_id in eos_token_ids
            row.on_token(token_id)
            if row.finished:
                on_finished(row)
            else:
                kept.append(place)
        if not kept:
            return
        if len(kept) < len(active):
            index = torch.tensor(kept, device=embeds.device)
            cache.batch_select_indices(index)
            attention_mask, positions = attention_mask[index], positions[index]
            step_ids = [step_ids[place] for place in kept]
            active = [active[place] for place in kept]
        step_inputs = {"input_ids": torch.tensor(step_ids, device=embeds.device)[:, None]}
        attention_mask = torch.cat([attention_mask, attention_mask.new_ones(len(active), 1)], 1)
        positions = positions[:, -1:] + 1


def _pad_left(prompts: Sequence[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Stack prompts [length_i, width] to [rows, longest, width] and their mask [rows, longest]."""
    longest = max(prompt.shape[0] for prompt in prompts)
    embeds = prompts[0].new_zeros(len(prompts), longest, prompts[0].shape[1])
    mask = torch.zeros(len(prompts), longest, dtype=torch.long, device=embeds.device)
    for row, prompt in enumerate(prompts):
        embeds[row, longest - prompt.shape[0] :] = prompt
        mask[row, longest - prompt.shape[0] :] = 1
    return embeds, mask


class _TokenChooser:
    """Chooses the next token of one row; greedy rows ask for no random numbers."""

    def __init__(self, sampling: Sampling, repetition_penalty: float) -> None:
        self._sampling = sampling
        self._repetition_penalty = repetition_penalty
        self._generator = torch.Generator().manual_seed(sampling.seed)

    @property
    def is_plain_greedy(self) -> bool:
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


def _choose_tokens(
    logits: torch.Tensor, rows: Sequence[Row], choosers: Sequence[_TokenChooser]
) -> list[int]:
    logits = logits.float()
    if all(chooser.is_plain_greedy for chooser in choosers):
        ids = logits.argmax(-1).tolist()
    else:
        ids = [
            chooser.choose(row_logits, row.token_ids)
            for chooser, row_logits, row in zip(choosers, logits, rows, strict=True)
        ]
    chosen = logits.gather(1, torch.tensor(ids, device=logits.device)[:, None])[:, 0]
    probabilities = (chosen - logits.logsumexp(-1)).exp().tolist()
    for row, token_id, probability in zip(rows, ids, probabilities, strict=True):
        row.token_ids.append(token_id)
        row.probabilities.append(probability)
        row.broken = not math.isfinite(probability)
    return ids

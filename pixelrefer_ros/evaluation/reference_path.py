"""How a straightforward implementation answers: the yardstick for the engine, on the same weights.

One question after the other. Each pays for its own views and sends them through the vision encoder
in passes of one kind: the crops of its object, their surroundings, the whole images. Then one token
after the other is chosen in a plain loop around `transformers`: a cache that grows, the attention
mask made longer at every step, no batch.
"""

from __future__ import annotations

import time
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from transformers import DynamicCache
from transformers.generation.logits_process import (
    LogitsProcessorList,
    RepetitionPenaltyLogitsProcessor,
)

from pixelrefer_ros.engine.device import synchronize
from pixelrefer_ros.engine.query import Query
from pixelrefer_ros.engine.questions import make_questions, make_sample
from pixelrefer_ros.model.image_processor import View
from pixelrefer_ros.model.pixelrefer import EncodedViews, PixelRefer
from pixelrefer_ros.model.preprocessing import PreparedSample

STAGES = ("preprocess_s", "encode_s", "infuse_s", "prefill_s", "decode_s")


@dataclass
class ReferenceAnswers:
    """What the reference path said, and the seconds of each stage over all questions."""

    texts: list[str] = field(default_factory=list)
    stages: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))


@torch.inference_mode()
def answer_one_by_one(model: PixelRefer, query: Query, *, max_new_tokens: int) -> ReferenceAnswers:
    """Answer a query greedily, one question after the other.

    Raises the errors of `make_questions` and `PixelRefer.prepare`.
    """
    device = model.language_model.device
    answers = ReferenceAnswers()
    stopwatch = _Stopwatch(answers.stages, device)
    for sample in prepare_questions(model, query):
        stopwatch.lap("preprocess_s")
        views = encode_by_kind(model, sample)
        stopwatch.lap("encode_s")
        [embeds] = model.infuse([sample], views)
        stopwatch.lap("infuse_s")
        steps = decode_greedily(model, embeds)
        token_ids = [next(steps)]
        stopwatch.lap("prefill_s")
        while len(token_ids) < max_new_tokens and token_ids[-1] not in model.eos_token_ids:
            token_ids.append(next(steps))
        stopwatch.lap("decode_s")
        answers.texts.append(model.tokenizer.decode(token_ids, skip_special_tokens=True).strip())
    return answers


def prepare_questions(model: PixelRefer, query: Query) -> Iterator[PreparedSample]:
    """Cut out the views and write the prompt of each question of a query, one by one."""
    images = [frame.rgb() for frame in query.frames]
    stamps = [frame.stamp_ns for frame in query.frames]
    masks = [region.to_mask(*query.frames[region.frame].size) for region in query.regions]
    for question in make_questions(query, masks, is_lite=model.config.is_lite):
        yield model.prepare(make_sample(question, images, stamps))


def encode_by_kind(model: PixelRefer, sample: PreparedSample) -> EncodedViews:
    """Run the vision encoder once for each kind of views of one question."""
    kinds: list[list[View | None]] = [
        [region.object_view for region in sample.regions],
        [region.local_view for region in sample.regions],
        [region.global_view for region in sample.regions],
        [*sample.frames],
    ]
    features: dict[Hashable, torch.Tensor] = {}
    for kind in kinds:
        views = {view.key: view for view in kind if view is not None}
        if views:
            found = model.encode_packed(list(views.values()))
            for view, feature in zip(views.values(), found, strict=True):
                features[view.key] = feature.view(*view.feature_grid, -1)
    return EncodedViews(features)


def decode_greedily(model: PixelRefer, embeds: torch.Tensor) -> Iterator[int]:
    """Yield the likeliest next token after a prompt [length, D], again and again without end."""
    adjust = LogitsProcessorList()
    if model.repetition_penalty != 1.0:
        adjust.append(RepetitionPenaltyLogitsProcessor(model.repetition_penalty))
    cache = DynamicCache(config=model.language_model.config)
    attention_mask = torch.ones(1, len(embeds), dtype=torch.long, device=embeds.device)
    token_ids: Any = attention_mask[:, :0]
    inputs = {"inputs_embeds": embeds[None]}
    while True:
        logits = model.language_model(
            **inputs,
            attention_mask=attention_mask,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        ).logits[:, -1]
        chosen = adjust(token_ids, logits.float()).argmax(-1, keepdim=True)
        token_ids = torch.cat([token_ids, chosen], dim=1)
        yield int(chosen)
        attention_mask = torch.cat([attention_mask, torch.ones_like(chosen)], dim=1)
        inputs = {"input_ids": chosen}


class _Stopwatch:
    """Adds the time since the last lap to a stage."""

    def __init__(self, stages: dict[str, float], device: torch.device) -> None:
        self._stages = stages
        self._device = device
        self._last = time.perf_counter()

    def lap(self, stage: str) -> None:
        synchronize(self._device)
        now = time.perf_counter()
        self._stages[stage] += now - self._last
        self._last = now

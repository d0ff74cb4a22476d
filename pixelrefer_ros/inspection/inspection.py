"""Answer a query once more, and look inside while it is answered."""

from __future__ import annotations

import traceback
from dataclasses import dataclass

import torch

from pixelrefer_ros.engine.failures import as_reported
from pixelrefer_ros.engine.query import Query
from pixelrefer_ros.engine.questions import Question, make_questions, make_sample
from pixelrefer_ros.inspection.answer_attention import AnswerAttention, share_out
from pixelrefer_ros.inspection.answering import answer
from pixelrefer_ros.inspection.attention_rows import attention_rows
from pixelrefer_ros.inspection.object_tokens import ObjectTokens, object_tokens
from pixelrefer_ros.model.pixelrefer import PixelRefer
from pixelrefer_ros.model.preprocessing import RegionSample


@dataclass(frozen=True, eq=False)
class Inspection:
    """One question, its answer, and what the model did for it.

    text: the question as the model read it, with `<region>` for each object.
    tokens: of the answer, the end token included.
    names: of the masks of the question, in the order of their tokens in the prompt.
    objects: the object tokens of each mask.
    """

    text: str
    answer: str
    tokens: tuple[str, ...]
    names: tuple[str, ...]
    attention: AnswerAttention
    objects: tuple[ObjectTokens, ...]


def inspect(model: PixelRefer, query: Query, *, max_new_tokens: int) -> list[Inspection]:
    """Answer every question of a query, greedily, and look inside.

    Raises `InvalidRegionError`, `EmptyMaskError` or `InvalidPromptError` for a query that does not
    fit, `OutOfMemoryError` and `InferenceError` where the model fails.
    """
    masks = [
        region.to_mask(*query.frames[region.frame].size, name=f"regions[{k}]")
        for k, region in enumerate(query.regions)
    ]
    questions = make_questions(query, masks, is_lite=model.config.is_lite)
    images = [frame.rgb() for frame in query.frames]
    stamps = [frame.stamp_ns for frame in query.frames]
    found, named = [], 0
    for question in questions:
        names = _names(question, named)
        named += len(question.tracks)
        try:
            found.append(
                _inspect(model, make_sample(question, images, stamps), names, max_new_tokens)
            )
        except Exception as error:
            raise as_reported(error, traceback.format_exc()) from error
    return found


@torch.inference_mode()
def _inspect(
    model: PixelRefer, sample: RegionSample, names: tuple[str, ...], max_new_tokens: int
) -> Inspection:
    prepared = model.prepare(sample)
    views = model.encode([prepared])
    [embeds] = model.infuse([prepared], views)
    token_ids = answer(model, embeds, max_new_tokens)
    rows = attention_rows(model.language_model, embeds, token_ids)
    masks = [(sample.images[image], mask) for track in sample.objects for image, mask in track]
    decode = model.tokenizer.decode
    return Inspection(
        text=sample.question,
        answer=decode(token_ids, skip_special_tokens=True).strip(),
        tokens=tuple(decode([token_id], skip_special_tokens=False) for token_id in token_ids),
        names=names,
        attention=share_out(rows, prepared, model.prompts),
        objects=tuple(object_tokens(model, masks, prepared.regions, views)),
    )


def _names(question: Question, before: int) -> tuple[str, ...]:
    """Name the masks of a question, of objects that come after so many others."""
    names = []
    for number, (object_id, track) in enumerate(
        zip(question.object_ids, question.tracks, strict=True), before + 1
    ):
        name = object_id or f"object {number}"
        names += [f"{name}, frame {k}" if len(track) > 1 else name for k, _ in track]
    return tuple(names)

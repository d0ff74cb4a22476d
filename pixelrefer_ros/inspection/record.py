"""What the pictures show, as numbers: `inspect.json`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelrefer_ros.inspection.answer_attention import AnswerAttention
from pixelrefer_ros.inspection.inspection import Inspection
from pixelrefer_ros.inspection.object_tokens import ContextLook, ObjectTokens
from pixelrefer_ros.inspection.similarity import Similarity
from pixelrefer_ros.model.pixelrefer import PixelRefer

DIGITS = 6


def to_json(inspections: Sequence[Inspection], model: PixelRefer) -> str:
    """Write everything that is drawn as a JSON object; docs/inspection.md tells the fields."""
    values = {
        "model_id": model.model_id,
        "framework": model.config.framework.value,
        "questions": [_question(inspection) for inspection in inspections],
    }
    return json.dumps(values, ensure_ascii=False) + "\n"


def _question(inspection: Inspection) -> dict[str, Any]:
    return {
        "question": inspection.text,
        "answer": inspection.answer,
        "answer_tokens": list(inspection.tokens),
        "attention": _attention(inspection.attention),
        "objects": [
            {"name": name, **_object(tokens)}
            for name, tokens in zip(inspection.names, inspection.objects, strict=True)
        ],
    }


def _attention(attention: AnswerAttention) -> dict[str, Any]:
    most = attention.most_looking_layer
    by_layer = {
        "objects": _numbers(attention.objects_by_layer),
        "image": _numbers(attention.image_by_layer) if attention.image_tokens else None,
        "text": _numbers(attention.text_by_layer),
    }
    prompt_tokens = {
        "objects": np.bincount(attention.mask_of).tolist(),
        "image": attention.image_tokens,
        "text": attention.text_tokens,
    }
    return {
        "prompt_tokens": prompt_tokens,
        "by_layer": by_layer,
        "to_object_tokens": {"layer": most + 1, "weights": _numbers(attention.objects[most])},
    }


def _object(tokens: ObjectTokens) -> dict[str, Any]:
    crop = tokens.crop
    height, width = crop.context.shape[:2]
    cells = np.column_stack([tokens.cells, tokens.token_of])
    return {
        "box": [crop.box.left, crop.box.top, width, height],
        "scale": round(crop.scale, DIGITS),
        "grid": list(crop.grid.shape),
        "object_tokens": tokens.count,
        "cells": cells.tolist(),
        "similarity": {"before": _similarity(tokens.before), "after": _similarity(tokens.after)},
        "infusion": {"local": _look(tokens.local), "global": _look(tokens.whole)},
    }


def _similarity(similarity: Similarity) -> dict[str, Any]:
    mean = similarity.mean
    return {
        "mean": None if mean is None else round(mean, DIGITS),
        "matrix": _numbers(similarity.matrix),
    }


def _look(look: ContextLook | None) -> list[Any] | None:
    return None if look is None else _numbers(look.weights)


def _numbers(values: NDArray[np.float32]) -> list[Any]:
    rounded: list[Any] = np.round(values.astype(np.float64), DIGITS).tolist()
    return rounded

"""From an exchange to a record of a data set, whose form `dataset.py` tells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pixelrefer_ros.simulation.observation import SMALLEST_REGION, Seen
from pixelrefer_ros.simulation.rle import encode
from pixelrefer_ros.simulation.scene import HEIGHT, WIDTH
from pixelrefer_ros.simulation.wording import Exchange

Record = dict[str, Any]


class Masks:
    """The masks of the objects of a picture or clip [objects][frames], each encoded once."""

    def __init__(self, seen: Sequence[Sequence[Seen]]) -> None:
        self._seen = seen
        self._encoded: dict[tuple[int, str, int], tuple[dict[str, Any], int]] = {}

    def of(self, region: tuple[int, str], shown: int) -> tuple[dict[str, Any], int]:
        """Return the entry of `annotation` and of `areas` for an object, or a part of one.

        shown: how many frames are shown, 0 all.
        """
        key = (*region, shown)
        if key not in self._encoded:
            index, part = region
            masks = {
                str(frame): one.parts[part] if part else one.mask
                for frame, one in enumerate(self._seen[index][: shown or None])
                if one.area >= SMALLEST_REGION
            }
            entry = {frame: {"segmentation": encode(mask)} for frame, mask in masks.items()}
            area = np.mean([np.count_nonzero(mask) for mask in masks.values()])
            self._encoded[key] = entry, round(float(area))
        return self._encoded[key]


def to_record(exchange: Exchange, masks: Masks) -> Record:
    """Write an exchange: all but the name of the record and of its picture or clip."""
    entries = [masks.of(region, exchange.shown) for region in exchange.regions]
    further = {
        "positive": list(exchange.positive),
        "negative": list(exchange.negative),
        "topic": exchange.topic,
        "question_type": exchange.question_type,
        "choices": list(exchange.choices),
    }
    return {
        "height": HEIGHT,
        "width": WIDTH,
        "conversations": [
            {"from": "human", "value": exchange.question},
            {"from": "gpt", "value": exchange.answer},
        ],
        "annotation": [annotation for annotation, _ in entries],
        "task": exchange.task,
        "expected": exchange.expected,
        "accepted": list(exchange.accepted),
        "areas": [area for _, area in entries],
        **{name: value for name, value in further.items() if value},
    }

"""A question of a benchmark: a record in the official form, and what is known of the answer."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pixelrefer_ros.datasets.pictures import ReadImage
from pixelrefer_ros.datasets.records import Record
from pixelrefer_ros.engine.query import Query
from pixelrefer_ros.evaluation.metrics import Scored
from pixelrefer_ros.evaluation.record_queries import query_of

NOT_KNOWN = "-"
"""Stands for the answer in a record, which nobody looks at."""


@dataclass(frozen=True)
class Question:
    """What is asked, and what the answer will be compared with.

    record: pictures, masks and words (`datasets/conversations.py`).
    expected: what is known of the answer; its prediction is empty.
    task: names a part of the benchmark that is counted by itself.
    """

    record: Record
    expected: Scored
    task: str

    @property
    def id(self) -> str:
        """Unlike that of all other questions of the benchmark."""
        return self.expected.id

    def query(self, read: ReadImage, max_new_tokens: int) -> Query:
        """Read pictures and masks. Raises `DatasetError` if one of them is of no use."""
        return query_of(self.record, read, max_new_tokens)


def ask_about(
    name: str,
    images: Path,
    picture: Mapping[str, Any],
    prompt: str,
    objects: Sequence[Any],
    *,
    id: str,
    task: str = "",
    **expected: Any,
) -> Question:
    """Put a question together.

    name: of the entry, for messages.
    picture: the fields `image`, or `video` and with it `frames` and `times`, of the record.
    objects: for each <region> of the prompt its mask, or its masks by the number of the frame.
    expected: further fields of `Scored`.
    """
    values = {
        **picture,
        "conversations": [
            {"from": "human", "value": prompt},
            {"from": "gpt", "value": NOT_KNOWN},
        ],
        "annotation": list(objects),
    }
    return Question(
        Record(name, images, json.dumps(values)),
        Scored(id=id, prediction="", question=prompt, **expected),
        task,
    )

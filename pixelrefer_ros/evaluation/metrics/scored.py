"""What a metric looks at: the words of a model beside what is known of the region."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from pixelrefer_ros.errors import MetricError


@dataclass(frozen=True)
class Scored:
    """An answer, and what it is compared with; which metrics apply follows from what is given.

    id: unlike that of any other item.
    prediction: what the model said.
    references: captions that people wrote.
    category: the name of the object.
    choices, answer: of a multiple-choice question the choices in order, and the right one, as its
        letter or its words.
    question_type: accuracy is told for each type as well.
    positive, negative: attributes the object has, and such as could be taken to belong to it.
    question: what was asked.
    """

    id: str
    prediction: str
    references: tuple[str, ...] = ()
    category: str = ""
    choices: tuple[str, ...] = ()
    answer: str = ""
    question_type: str = ""
    positive: tuple[str, ...] = ()
    negative: tuple[str, ...] = ()
    question: str = ""

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Scored:
        """Read an object with these fields; others are ignored, null and absent are empty.

        Raises `MetricError` naming the field that is of no use.
        """
        given: dict[str, Any] = {}
        for field in fields(cls):
            value: Any = values.get(field.name)
            is_list = field.name in _LISTS
            if value is None and field.name not in _REQUIRED:
                continue
            if field.name == "id" and type(value) is int:
                value = str(value)
            if not (_is_strings(value) if is_list else isinstance(value, str)):
                kind = "a list of strings" if is_list else "a string"
                raise MetricError(f"{field.name} is {value!r}, must be {kind}")
            given[field.name] = tuple(value) if is_list else value
        return cls(**given)


_LISTS = ("references", "choices", "positive", "negative")
_REQUIRED = ("id", "prediction")


def _is_strings(value: object) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(text, str) for text in value)


def read_scored(path: Path) -> list[Scored]:
    """Read a file with one JSON object a line; empty lines are skipped.

    Raises `MetricError` naming file, line and field if something is of no use.
    """
    try:
        # splitlines() would split within texts that hold U+2028.
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise MetricError(f"{path}: not readable ({error})") from error
    items = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            values = json.loads(line)
            if not isinstance(values, dict):
                raise MetricError("not a JSON object")
            items.append(Scored.from_dict(values))
        except json.JSONDecodeError as error:
            raise MetricError(f"{path}:{number}: not JSON ({error})") from error
        except MetricError as error:
            raise MetricError(f"{path}:{number}: {error}") from error
    if not items:
        raise MetricError(f"{path}: holds no line")
    check_ids(items)
    return items


def check_ids(items: Sequence[Scored]) -> None:
    """Raise `MetricError` naming an id that two items have."""
    seen: set[str] = set()
    for item in items:
        if item.id in seen:
            raise MetricError(f"id is '{item.id}' twice, must be unlike all others")
        seen.add(item.id)

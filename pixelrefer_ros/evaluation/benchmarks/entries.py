"""What stands in an annotation file, read field by field.

Whatever is of no use is named with file, entry, field and value.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TypeGuard

from pixelrefer_ros.errors import DatasetError
from pixelrefer_ros.evaluation.metrics.choice_accuracy import picked

LONGEST_VALUE = 60
"""Characters of a value that are quoted."""


@dataclass(frozen=True)
class Entry:
    """One object of a file; `name` says where it stands, as `lvis.json[3].annotations[0]`."""

    name: str
    values: Mapping[str, Any]

    def has(self, field: str) -> bool:
        """Tell whether a field is there and not null."""
        return self.values.get(field) is not None

    def text(self, field: str) -> str:
        """Return a text that is not empty."""
        value = self.values.get(field)
        if not isinstance(value, str) or not value.strip():
            self.refuse(field, "a text")
        return value.strip()

    def key(self, field: str) -> str:
        """Return what names something: a text or a whole number."""
        value = self.values.get(field)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        return self.text(field)

    def number(self, field: str) -> float:
        """Return a finite number."""
        value = self.values.get(field)
        if not _is_finite(value):
            self.refuse(field, "a finite number")
        return float(value)

    def items(self, field: str) -> list[Any]:
        """Return a list that is not empty."""
        value = self.values.get(field)
        if not isinstance(value, list) or not value:
            self.refuse(field, "a list that is not empty")
        return value

    def texts(self, field: str) -> list[str]:
        """Return a list of texts that are not empty."""
        return [
            Entry(self.name, {f"{field}[{k}]": value}).text(f"{field}[{k}]")
            for k, value in enumerate(self.items(field))
        ]

    def entries(self, field: str) -> list[Entry]:
        """Return a list of objects."""
        found = self.items(field)
        for k, value in enumerate(found):
            if not isinstance(value, dict):
                Entry(self.name, {f"{field}[{k}]": value}).refuse(f"{field}[{k}]", "an object")
        return [Entry(f"{self.name}.{field}[{k}]", value) for k, value in enumerate(found)]

    def entry(self, field: str) -> Entry:
        """Return an object."""
        value = self.values.get(field)
        if not isinstance(value, dict):
            self.refuse(field, "an object")
        return Entry(f"{self.name}.{field}", value)

    def box(self, field: str) -> list[float]:
        """Return a box [x, y, width, height] as the polygon [x, y, x, y, ...] of its corners.

        What reaches below 0 is cut off.
        """
        box = self.values.get(field)
        if (
            not isinstance(box, list)
            or len(box) != 4
            or not all(map(_is_finite, box))
            or not min(box[2:]) > 0
        ):
            self.refuse(field, "finite x, y, width and height, the last two above 0")
        x, y, width, height = map(float, box)
        right, bottom = x + width, y + height
        x, y = max(x, 0.0), max(y, 0.0)
        return [x, y, right, y, right, bottom, x, bottom]

    def check_choice(self, field: str, answer: str, choices: Sequence[str]) -> None:
        """See that the right answer, which stands in a field, picks one of the choices."""
        if picked(answer, choices) is None:
            self.refuse(field, f"what picks one of {', '.join(choices)}")

    def refuse(self, field: str, needed: str) -> NoReturn:
        """Raise `DatasetError` for the value of a field."""
        value = repr(self.values.get(field))
        quoted = value if len(value) <= LONGEST_VALUE else f"{value[:LONGEST_VALUE]}..."
        raise DatasetError(f"{self.name}: {field} is {quoted}, must be {needed}")


def _is_finite(value: Any) -> TypeGuard[float]:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return False
    # JSON holds whole numbers of any length; `math.isfinite` raises for those beyond a float.
    return abs(value) <= sys.float_info.max


def read_json(path: Path) -> Any:
    """Read a JSON file. Raises `DatasetError`."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path}: not readable: {error}") from error


def read_list(path: Path) -> Iterator[Entry | DatasetError]:
    """Read a JSON list of objects, or a file with one JSON object a line (`.jsonl`).

    Yields an error for what is no object; raises one if the file is of no use.
    """
    if path.suffix == ".jsonl":
        values = _read_lines(path)
    else:
        values = read_json(path)
        if not isinstance(values, list):
            raise DatasetError(f"{path}: holds a {type(values).__name__}, must be a list")
    yield from _objects(path.name, values)


def _objects(name: str, values: Iterable[Any]) -> Iterator[Entry | DatasetError]:
    for k, value in enumerate(values):
        if isinstance(value, dict):
            yield Entry(f"{name}[{k}]", value)
        else:
            yield DatasetError(f"{name}[{k}]: is a {type(value).__name__}, must be an object")


def _read_lines(path: Path) -> list[Any]:
    try:
        # splitlines() would split within texts that hold U+2028.
        lines = path.read_text(encoding="utf-8").split("\n")
        return [json.loads(line) for line in lines if line.strip()]
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path}: not readable: {error}") from error


def read_coco(path: Path) -> Iterator[Entry | DatasetError]:
    """Read the annotations of a file in COCO's form, each with its image in the field `image`.

    Yields an error for an image or annotation of no use; raises one if the file is of none.
    """
    values = read_json(path)
    if not isinstance(values, dict):
        raise DatasetError(f"{path}: holds a {type(values).__name__}, must be an object")
    whole = Entry(path.name, values)
    images: dict[str, Mapping[str, Any]] = {}
    for image in _objects(f"{path.name}.images", whole.items("images")):
        if isinstance(image, DatasetError):
            yield image
            continue
        try:
            images[image.key("id")] = image.values
        except DatasetError as error:
            yield error
    for entry in _objects(f"{path.name}.annotations", whole.items("annotations")):
        if isinstance(entry, DatasetError):
            yield entry
            continue
        id = entry.values.get("image_id")
        if str(id) in images:
            yield Entry(entry.name, {**entry.values, "image": images[str(id)]})
        else:
            yield DatasetError(f"{entry.name}: image_id is {id!r}, no image has it")

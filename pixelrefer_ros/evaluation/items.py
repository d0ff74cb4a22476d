"""From a record of a simulated data set to a question the engine can be asked.

The form of a record is that of `docs/simulation.md`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, TypeGuard, TypeVar

from pixelrefer_ros.datasets.pictures import ReadImage
from pixelrefer_ros.datasets.records import Record
from pixelrefer_ros.engine.query import Query
from pixelrefer_ros.errors import DatasetError
from pixelrefer_ros.evaluation.record_queries import query_of

Kind = TypeVar("Kind")


@dataclass(frozen=True)
class Item:
    """What a record says of its question.

    accepted: all forms in which the answer is right, the shortest first.
    smallest_area: pixels of the smallest region the question points at.
    regions: names the regions, alike in all records about the same one.
    """

    record: Record
    task: str
    accepted: tuple[str, ...]
    smallest_area: int
    regions: tuple[str, ...]

    @property
    def expected(self) -> str:
        """The answer in its shortest form."""
        return self.accepted[0]

    @classmethod
    def of_record(cls, record: Record) -> Item:
        """Read all but pictures and masks. Raises `DatasetError` naming a field of no use."""
        values = record.values()
        accepted, areas = values.get("accepted"), values.get("areas")
        annotation = values.get("annotation")
        if not _is_list(accepted, str) or not all(form.strip() for form in accepted):
            raise DatasetError(f"accepted is {accepted!r}, must be the answers that are right")
        if not _is_list(areas, int):
            raise DatasetError(f"areas is {areas!r}, must be the pixels of each region")
        if not _is_list(annotation, dict):
            raise DatasetError("annotation is missing")
        picture = values.get("image", values.get("video"))
        return cls(
            record=record,
            task=str(values.get("task")),
            accepted=tuple(accepted),
            smallest_area=min(areas),
            regions=tuple(f"{picture} {json.dumps(entry)}" for entry in annotation),
        )

    def query(self, read: ReadImage, max_new_tokens: int) -> Query:
        """Read pictures and masks. Raises `DatasetError` if one of them is of no use."""
        return query_of(self.record, read, max_new_tokens)


def _is_list(value: Any, kind: type[Kind]) -> TypeGuard[list[Kind]]:
    return isinstance(value, list) and bool(value) and all(isinstance(one, kind) for one in value)

"""Data sets on disk: lists of records, kept as bytes until they are used."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pixelrefer_ros.errors import CommandError, DatasetError


@dataclass(frozen=True)
class DataFile:
    """One JSON or JSON-lines file of records.

    path: a list of objects in .json, or one object to a line.
    images: folder the paths in the records start from, that of the file if empty.
    repeat: how often an epoch goes through the file.
    tasks: take only records whose field `task` is one of these; empty takes all.
    topics: the same of the field `topic`.
    answers: the same of the field `expected`.
    """

    path: str
    images: str = ""
    repeat: int = 1
    tasks: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raise `CommandError` for a file that is never gone through."""
        if self.repeat < 1:
            raise CommandError(f"repeat is {self.repeat}, must be at least 1")

    def takes(self, values: Mapping[str, Any]) -> bool:
        """Tell whether a record is one of those to be taken."""
        wanted = {"task": self.tasks, "topic": self.topics, "expected": self.answers}
        return all(not chosen or values.get(key) in chosen for key, chosen in wanted.items())


@dataclass(frozen=True)
class Record:
    """One sample as the file has it; `name` is what messages call it."""

    name: str
    root: Path
    text: str

    def values(self) -> Mapping[str, Any]:
        """Parse the record. Raises `DatasetError` if it is no JSON object."""
        try:
            values = json.loads(self.text)
        except (ValueError, RecursionError) as error:
            raise DatasetError(f"not readable as JSON: {error}") from error
        if not isinstance(values, dict):
            raise DatasetError(f"holds a {type(values).__name__}, must be an object")
        return values


@dataclass(frozen=True)
class Records:
    """All records of a training.

    groups: indices of records of a file on the same pictures; what is repeated, or listed with
        another file, is in another group.
    """

    records: Sequence[Record]
    groups: Sequence[Sequence[int]]

    def texts(self) -> Iterator[str]:
        """Yield what is said in all records that can be read."""
        for record in self.records:
            try:
                turns = record.values().get("conversations")
            except DatasetError:
                continue
            for turn in turns if isinstance(turns, list) else ():
                if isinstance(turn, dict) and isinstance(turn.get("value"), str):
                    yield turn["value"]


def read_records(files: Sequence[DataFile]) -> Records:
    """Read the files. A record that is broken stays in its place and fails when it is used.

    Raises `DatasetError` if a file cannot be read, is no list, or nothing is in it.
    """
    records: list[Record] = []
    groups: dict[tuple[str, int, int], list[int]] = {}
    found = [0] * len(files)
    # What is listed several times, for several tasks, is read once.
    listings: dict[tuple[str, str], list[int]] = {}
    for number, file in enumerate(files):
        listings.setdefault((file.path, file.images), []).append(number)
    for numbers in listings.values():
        for record, values in _read_file(files[numbers[0]]):
            pictures = record.name
            if values is not None:
                pictures = f"{record.root}/{values.get('image', values.get('video'))}"
            for number in numbers:
                if values is not None and not files[number].takes(values):
                    continue
                found[number] += 1
                for repetition in range(files[number].repeat):
                    group = groups.setdefault((pictures, number, repetition), [])
                    group.append(len(records))
                    records.append(record)
    for file, taken in zip(files, found, strict=True):
        if not taken:
            others = {"topics": file.topics, "answers": file.answers}
            about = "".join(f", {name} {list(of)}" for name, of in others.items() if of)
            raise DatasetError(
                f"{file.path}: no records of the tasks {list(file.tasks) or 'any'}{about}"
            )
    return Records(records, list(groups.values()))


def _read_file(file: DataFile) -> Iterator[tuple[Record, Mapping[str, Any] | None]]:
    """Yield the records of a file and their fields, None where they cannot be read."""
    path = Path(file.path).expanduser()
    root = Path(file.images).expanduser() if file.images else path.parent
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
        if path.suffix == ".json":
            items = json.loads(text)
            if not isinstance(items, list):
                raise DatasetError(f"{path}: holds a {type(items).__name__}, must be a list")
    except (OSError, ValueError, RecursionError) as error:
        raise DatasetError(f"{path}: not readable: {error}") from error
    if path.suffix == ".json":
        for k, item in enumerate(items):
            record = Record(f"{path.name}[{k}]", root, json.dumps(item))
            yield record, item if isinstance(item, dict) else None
        return
    # splitlines() would split within texts that hold U+2028.
    for k, line in enumerate(text.split("\n"), 1):
        if line.strip():
            record = Record(f"{path.name}:{k}", root, line)
            try:
                yield record, record.values()
            except DatasetError:
                yield record, None

"""Data sets on disk: lists of records, each kept as a piece of its file until it is used."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pixelrefer_ros.errors import CommandError, DatasetError

WHITE_SPACE = re.compile(r"[ \t\n\r]*")


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
    """One sample as the file has it; `name` is what messages call it.

    file: the text of the whole file, which all its records share.
    span: where this one begins and ends in it; all of it if None.
    """

    name: str
    root: Path
    file: str
    span: tuple[int, int] | None = None

    @property
    def text(self) -> str:
        """The record itself."""
        return self.file if self.span is None else self.file[slice(*self.span)]

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
            for k, (item, span) in enumerate(_items(text, path)):
                record = Record(f"{path.name}[{k}]", root, text, span)
                yield record, item if isinstance(item, dict) else None
            return
    except (OSError, ValueError, RecursionError) as error:
        raise DatasetError(f"{path}: not readable: {error}") from error
    begin = 0
    # splitlines() would split within texts that hold U+2028.
    for k, line in enumerate(text.split("\n"), 1):
        if line.strip():
            record = Record(f"{path.name}:{k}", root, text, (begin, begin + len(line)))
            try:
                yield record, record.values()
            except DatasetError:
                yield record, None
        begin += len(line) + 1


def _items(text: str, path: Path) -> Iterator[tuple[Any, tuple[int, int]]]:
    """Yield the items of a JSON list one by one, and where they stand: all at once need much room.

    Raises `ValueError` or `RecursionError` for what is no JSON, `DatasetError` for no list.
    """
    place = _skip(text, 0)
    if text[place : place + 1] != "[":
        kind = type(json.loads(text)).__name__
        raise DatasetError(f"{path}: holds a {kind}, must be a list")
    decoder, place = json.JSONDecoder(), _skip(text, place + 1)
    if text[place : place + 1] != "]":
        while True:
            item, end = decoder.raw_decode(text, place)
            yield item, (place, end)
            place = _skip(text, end)
            if text[place : place + 1] != ",":
                break
            place = _skip(text, place + 1)
    if text[place : place + 1] != "]" or _skip(text, place + 1) < len(text):
        raise json.JSONDecodeError("not the end of a list", text, place)


def _skip(text: str, place: int) -> int:
    """Return where the white space of JSON that begins at `place` ends."""
    found = WHITE_SPACE.match(text, place)
    assert found is not None
    return found.end()

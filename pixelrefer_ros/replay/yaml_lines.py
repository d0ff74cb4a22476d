"""YAML whose values know the line they stand in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.reader import ReaderError

from pixelrefer_ros.errors import CommandError, shown

Place = Sequence[str | int]
"""Keys and indices from the top to a value."""

MAX_DEPTH = 20
CORE = "tag:yaml.org,2002:"
CONVERTED = {CORE + kind for kind in ("null", "bool", "int", "float")}
"""What is not text; a date, for one, is."""


@dataclass(frozen=True)
class YamlFile:
    """The values of a YAML 1.2 file, which JSON is too; there `no` is a word and not False.

    They are those of JSON: no tags, and no aliases, of which a few can stand for more values than
    there is memory.
    """

    path: Path
    values: Any
    _lines: Mapping[Place, int]

    @classmethod
    def read(cls, path: Path) -> YamlFile:
        """Read a file. Raises `CommandError` naming it and, where it is of no use, the line."""
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            raise CommandError(f"queries '{path}' cannot be read: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise CommandError(f"queries '{path}' is not text in UTF-8") from error
        reader = _Reader(text)
        try:
            values = reader.read()
        except _RefusedError as error:
            raise CommandError(f"{path}:{error.line}: {error.reason}") from error
        except MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else reader.line
            raise CommandError(f"{path}:{line}: not YAML: {shown(error.problem)}") from error
        except ReaderError as error:
            line = text.count("\n", 0, error.position) + 1
            raise CommandError(f"{path}:{line}: not YAML: {error.reason}") from error
        except (YAMLError, ValueError, OverflowError) as error:
            raise CommandError(f"{path}:{reader.line}: not YAML: {shown(str(error))}") from error
        return cls(path, values, reader.lines)

    def line(self, place: Place) -> int:
        """Return the line, from 1, of a value, or of the nearest thing around it."""
        steps = tuple(place)
        while steps not in self._lines and steps:
            steps = steps[:-1]
        return self._lines.get(steps, 1)

    def error(self, place: Place, reason: str) -> CommandError:
        """Make an error that names file, line and field."""
        return CommandError(f"{self.path}:{self.line(place)}: {name_of(place)}{reason}")


def name_of(place: Place) -> str:
    """Write a place as `queries[0].regions`."""
    name = "".join(f"[{step}]" if isinstance(step, int) else f".{shown(step)}" for step in place)
    return name.removeprefix(".") or "the file"


class _RefusedError(Exception):
    """Something that YAML has and JSON has not, or that is too large."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line, self.reason = line, reason


class _Reader:
    """Makes values of the events of a parser, as they come: nothing is made that is refused.

    lines: of each place where there is something; of a field, the line of its name.
    line: the one it is at.
    """

    def __init__(self, text: str) -> None:
        yaml = YAML(typ="safe", pure=True)
        self.lines: dict[Place, int] = {}
        self.line = 1
        self._resolver, self._constructor = yaml.resolver, yaml.constructor
        self._events = yaml.parse(text)

    def read(self) -> Any:
        """Return what the only document holds; None where there is none."""
        self._next()
        if not isinstance(self._next(), DocumentStartEvent):
            return None
        values = self._value(self._next(), ())
        assert isinstance(self._next(), DocumentEndEvent)
        if isinstance(self._next(), DocumentStartEvent):
            raise _RefusedError(self.line, "not YAML: found another document")
        return values

    def _next(self) -> Any:
        event = next(self._events)
        self.line = event.start_mark.line + 1
        return event

    def _value(self, event: Any, place: tuple[str | int, ...]) -> Any:
        self.lines.setdefault(place, self.line)
        if len(place) > MAX_DEPTH:
            raise self._refusal(place, f" is nested deeper than {MAX_DEPTH}")
        if isinstance(event, AliasEvent):
            raise self._refusal(place, f" is an alias, *{shown(event.anchor)}: write it out")
        if event.tag not in (None, CORE + "str"):
            raise self._refusal(place, f" has the tag {shown(event.tag)}, tags are not read")
        if isinstance(event, MappingStartEvent):
            return self._mapping(place)
        if isinstance(event, SequenceStartEvent):
            values: list[Any] = []
            while not isinstance(inner := self._next(), SequenceEndEvent):
                values.append(self._value(inner, (*place, len(values))))
            return values
        return self._scalar(event, place)

    def _mapping(self, place: tuple[str | int, ...]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        while not isinstance(key := self._next(), MappingEndEvent):
            if not isinstance(key, ScalarEvent):
                raise self._refusal(place, " has a key that is not text")
            name = self._text(key.value, place)
            if name in values:
                raise _RefusedError(self.line, f"not YAML: found duplicate key '{shown(name)}'")
            inside = (*place, name)
            self.lines[inside] = self.line
            values[name] = self._value(self._next(), inside)
        return values

    def _scalar(self, event: Any, place: tuple[str | int, ...]) -> Any:
        text = event.value
        if event.tag is None and event.implicit[0]:
            tag = str(self._resolver.resolve(ScalarNode, text, event.implicit))
            if tag in CONVERTED:
                try:
                    return self._constructor.yaml_constructors[tag](
                        self._constructor, ScalarNode(tag, text)
                    )
                except ValueError as error:
                    raise self._refusal(place, f" is {shown(text)}, not a number") from error
        return self._text(text, place)

    def _text(self, text: str, place: Place) -> str:
        """Put together the characters that JSON writes as two halves."""
        try:
            return text.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError as error:
            raise self._refusal(place, " holds half a character (a lone surrogate)") from error

    def _refusal(self, place: Place, reason: str) -> _RefusedError:
        return _RefusedError(self.line, f"{name_of(place)}{reason}")

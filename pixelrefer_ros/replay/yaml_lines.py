"""YAML whose values know the line they stand in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from pixelrefer_ros.errors import CommandError

Place = Sequence[str | int]
"""Keys and indices from the top to a value."""


@dataclass(frozen=True)
class YamlFile:
    """The values of a YAML 1.2 file, which JSON is too; there `no` is a word and not False."""

    path: Path
    values: Any
    _marked: Any

    @classmethod
    def read(cls, path: Path) -> YamlFile:
        """Read a file. Raises `CommandError` naming it and, where it is not YAML, the line."""
        try:
            marked = YAML().load(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise CommandError(f"queries '{path}' cannot be read: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise CommandError(f"queries '{path}' is not text in UTF-8") from error
        except MarkedYAMLError as error:
            line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
            raise CommandError(f"{path}{line}: not YAML: {error.problem}") from error
        except (YAMLError, ValueError) as error:
            first = str(error).strip().splitlines()[0]
            raise CommandError(f"{path}: not YAML: {first}") from error
        return cls(path, _plain(marked), marked)

    def line(self, place: Place) -> int:
        """Return the line, from 1, of a value, or of the nearest thing around it that has one."""
        line, inside = 1, self._marked
        step: Any
        for step in place:
            if not isinstance(inside, (dict, list)) or not hasattr(inside, "lc"):
                break
            try:
                at = inside.lc.key(step) if isinstance(inside, dict) else inside.lc.item(step)
                inside = inside[step]
            except (KeyError, IndexError, TypeError):
                break
            line = int(at[0]) + 1
        return line

    def error(self, place: Place, reason: str) -> CommandError:
        """Make an error that names file, line and field."""
        return CommandError(f"{self.path}:{self.line(place)}: {name_of(place)}{reason}")


def name_of(place: Place) -> str:
    """Write a place as `queries[0].regions`."""
    name = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place)
    return name.removeprefix(".") or "the file"


def _plain(value: Any) -> Any:
    """Turn what ruamel.yaml marks into what JSON knows."""
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return value

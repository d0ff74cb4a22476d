"""The JSON files of a model folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pixelrefer_ros.errors import CheckpointError


def read_json(path: Path) -> dict[str, Any]:
    """Read an object from a JSON file; a file that is not there is an empty one.

    Raises `CheckpointError` if it cannot be read or holds something else.
    """
    if not path.is_file():
        return {}
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: not readable as JSON: {error}") from error
    if not isinstance(values, dict):
        raise CheckpointError(f"{path}: holds a {type(values).__name__}, expected an object")
    return values


def read_model_json(folder: Path) -> dict[str, Any]:
    """Read config.json, which every model folder has. Raises `CheckpointError`."""
    path = folder / "config.json"
    if not path.is_file():
        raise CheckpointError(f"{folder}: no config.json, so this is not a model folder")
    return read_json(path)


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write an object as a JSON file."""
    path.write_text(
        json.dumps(values, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8"
    )

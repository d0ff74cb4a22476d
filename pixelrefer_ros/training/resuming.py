"""That a run is only gone on with as it was begun."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pixelrefer_ros.errors import CommandError
from pixelrefer_ros.model.json_files import read_json, write_json
from pixelrefer_ros.training.configuration import TrainingConfig

FILE = "configuration.json"
FREE = {
    "output",
    "epochs",
    "steps",
    "micro_batch",
    "gradient_checkpointing",
    "feature_memory",
    "save_every",
    "keep",
    "tensorboard",
    "data.workers",
    "data.max_bad_share",
}
"""Fields that may differ: how long and how a run is made; of what a step learns, only rounding."""


def write_configuration(folder: Path, config: TrainingConfig, records: int) -> None:
    """Write what a checkpoint was trained with, and how many records that was."""
    write_json(folder / FILE, _fields(config, records))


def require_same(folder: Path, config: TrainingConfig, records: int) -> None:
    """Raise `CommandError` when a checkpoint was trained in another way, or nothing tells how."""
    path = folder / FILE
    before, now = read_json(path), _fields(config, records)
    if not before:
        raise CommandError(f"--resume: {path} is missing or empty; choose another output")
    for name in sorted((before.keys() | now.keys()) - FREE):
        if before.get(name) != now.get(name):
            raise CommandError(
                f"--resume: {name} is {now.get(name)!r}, but {before.get(name)!r} in {path}; "
                "take that, or choose another output"
            )


def _fields(config: TrainingConfig, records: int) -> dict[str, Any]:
    return {**dict(_values(asdict(config))), "data.records": records}


def _values(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the plain values of a configuration, with names such as `data.files[0].path`."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _values(item, f"{name}.{key}" if name else key)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for number, item in enumerate(value):
            yield from _values(item, f"{name}[{number}]")
    else:
        yield name, value

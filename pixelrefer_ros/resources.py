"""Find what ships beside the code: models, configuration, and what the demo plays."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from pixelrefer_ros.errors import CheckpointError

DEFAULT_MODEL = "pixelrefer-lite-tabletop"


def share_folders() -> list[Path]:
    """List the folders that may hold `models/`, `config/` and `demo/`.

    The checkout comes first, then each prefix.
    """
    prefixes = [sys.prefix, *os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep)]
    shares = [Path(prefix) / "share" / "pixelrefer_ros" for prefix in prefixes if prefix]
    return [Path(__file__).resolve().parents[1], *shares]


def find_model(name: str = "") -> str:
    """Resolve a model: a folder, the name of a shipped model, "" for the default one.

    A hub id (`owner/name`) is returned as it is: the loader looks it up among the downloaded ones.
    Raises `CheckpointError` when there is no such folder.
    """
    if name and Path(name).is_dir():
        return name
    wanted = name or DEFAULT_MODEL
    shelves = [share / "models" for share in share_folders()]
    for shelf in shelves:
        if (shelf / wanted / "config.json").is_file():
            return str(shelf / wanted)
    if wanted.count("/") == 1 and not wanted.startswith((".", "/", "~")):
        return wanted
    raise CheckpointError(
        f"model is '{wanted}': no such folder, and no model of that name in "
        + ", ".join(map(str, shelves))
    )


def find_config(name: str) -> Path:
    """Return the path of a file in `config/`; raise `FileNotFoundError` if it is not there."""
    return _find(f"config/{name}")


def find_demo(name: str) -> Path:
    """Return the path of what is in `demo/`; raise `FileNotFoundError` if it is not there."""
    return _find(f"demo/{name}")


def _find(name: str) -> Path:
    for share in share_folders():
        if (share / name).exists():
            return share / name
    raise FileNotFoundError(f"{name} in none of {', '.join(map(str, share_folders()))}")

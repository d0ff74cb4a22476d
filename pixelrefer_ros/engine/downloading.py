"""Fetch a model from the hub, and tell exactly what came."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from pixelrefer_ros.model.checkpoint import find_folder


class FetchedModel(NamedTuple):
    """A model that is here: its name with the commit, and SHA-256 of each file of weights."""

    name: str
    checksums: Mapping[str, str]


def fetch_model(name: str) -> FetchedModel:
    """Fetch a hub id; a folder is taken as it is. Raises `CheckpointError`."""
    folder, _ = find_folder(name, revision=None, download=True)
    pinned = name if Path(name).is_dir() else f"{name.partition('@')[0]}@{folder.name}"
    weights = sorted(folder.glob("*.safetensors"))
    return FetchedModel(pinned, {path.name: _sha256(path) for path in weights})


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()

"""Fetch a model from the hub, and tell exactly what came."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from pixelrefer_ros.engine.file_digest import sha256
from pixelrefer_ros.model.checkpoint import find_folder


class FetchedModel(NamedTuple):
    """A model that is here: its name with the commit, and SHA-256 of each file of weights."""

    name: str
    checksums: Mapping[str, str]


def fetch_model(name: str) -> FetchedModel:
    """Fetch a hub id that ends in `@` and a commit; a folder is taken as it is.

    Raises `CheckpointError`, also for a branch: what it holds may be another model tomorrow.
    """
    folder, _ = find_folder(name, revision=None, download=True)
    weights = sorted(folder.glob("*.safetensors"))
    return FetchedModel(name, {path.name: sha256(path) for path in weights})

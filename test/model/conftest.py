"""Recorded tables and tiny checkpoints for the tests of the network."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pixelrefer_ros.model.pixelrefer import PixelRefer
from pixelrefer_ros.model.random_model import write_random_checkpoint

GOLDENS = Path(__file__).resolve().parents[1] / "data" / "goldens"


@pytest.fixture(scope="session")
def goldens() -> Path:
    return GOLDENS


@pytest.fixture(scope="session")
def units() -> dict[str, Any]:
    """Recorded tables of single functions."""
    tables: dict[str, Any] = json.loads((GOLDENS / "units" / "units.json").read_text())
    return tables


@pytest.fixture(scope="session")
def unit_arrays() -> dict[str, np.ndarray]:
    with np.load(GOLDENS / "units" / "units.npz", allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


@pytest.fixture(scope="session")
def lite() -> PixelRefer:
    return PixelRefer.from_pretrained(GOLDENS / "lite_tiny" / "checkpoint")


@pytest.fixture(scope="session")
def full() -> PixelRefer:
    return PixelRefer.from_pretrained(GOLDENS / "full_tiny" / "checkpoint")


@pytest.fixture(scope="session")
def random_model(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., PixelRefer]:
    """Make a random model of any dimensions, see `write_random_checkpoint`."""

    def make(**dimensions: Any) -> PixelRefer:
        folder = tmp_path_factory.mktemp("random") / "model"
        write_random_checkpoint(folder, **dimensions)
        return PixelRefer.from_pretrained(folder)

    return make


@pytest.fixture(scope="session")
def image() -> np.ndarray:
    """An image with structure at every scale, uint8 RGB [120, 160, 3]."""
    return np.random.default_rng(0).integers(0, 256, (120, 160, 3), dtype=np.uint8)

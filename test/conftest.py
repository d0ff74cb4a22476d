"""Fixtures for all tests: the small random-weight model that ships with the package."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

torch.set_num_threads(1)

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def tiny_model_path() -> Path:
    return ROOT / "models" / "random-tiny"


@pytest.fixture(scope="session")
def tiny_model(tiny_model_path: Path):
    from pixelrefer_ros.model.pixelrefer import PixelRefer

    return PixelRefer.from_pretrained(str(tiny_model_path))


@pytest.fixture
def describer(tiny_model) -> Iterator:
    from pixelrefer_ros.engine.describer import Describer

    with Describer(tiny_model, max_new_tokens=8) as engine:
        yield engine


@pytest.fixture(scope="session")
def picture() -> np.ndarray:
    """A picture with structure everywhere, uint8 RGB [120, 160, 3]."""
    rows, columns = np.mgrid[0:120, 0:160]
    channels = [columns * 255 // 159, rows * 255 // 119, (rows * columns) % 256]
    return np.stack(channels, axis=-1).astype(np.uint8)

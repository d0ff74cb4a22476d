"""Fixtures for all tests: the small random-weight model that ships with the package."""

from __future__ import annotations

import gc
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, settings
from safetensors.numpy import load_file, save_file

torch.set_num_threads(1)
# The same examples on every computer, however slow it is.
settings.register_profile(
    "same", deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
settings.load_profile("same")

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def without_collector() -> Iterator[None]:
    """Nothing may need the collector of cycles to be freed."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.fixture(scope="session")
def tiny_model_path() -> Path:
    return ROOT / "models" / "random-tiny"


@pytest.fixture(scope="session")
def tiny_model(tiny_model_path: Path):
    from pixelrefer_ros.model.pixelrefer import PixelRefer

    return PixelRefer.from_pretrained(str(tiny_model_path))


@pytest.fixture(scope="session")
def endless_model_path(tiny_model_path: Path, tmp_path_factory) -> Path:
    """A model that never ends an answer by itself: the end tokens score 0 and some other more."""
    folder = tmp_path_factory.mktemp("models") / "endless"
    shutil.copytree(tiny_model_path, folder)
    tensors = load_file(folder / "model.safetensors")
    added = json.loads((folder / "added_tokens.json").read_text())
    for token in ("<|im_end|>", "<|endoftext|>"):
        tensors["lm_head.weight"][added[token]] = 0
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


@pytest.fixture(scope="session")
def endless_model(endless_model_path: Path):
    from pixelrefer_ros.model.pixelrefer import PixelRefer

    return PixelRefer.from_pretrained(str(endless_model_path))


@pytest.fixture(scope="session")
def full_model(tmp_path_factory):
    """A small PixelRefer, the framework that also reads the image tokens."""
    from pixelrefer_ros.model.compatibility import Framework
    from pixelrefer_ros.model.pixelrefer import PixelRefer
    from pixelrefer_ros.model.random_model import write_random_checkpoint

    folder = tmp_path_factory.mktemp("models") / "full"
    write_random_checkpoint(folder, seed=3, framework=Framework.VISION_OBJECT)
    return PixelRefer.from_pretrained(str(folder))


@pytest.fixture(scope="session")
def exported_encoder(tiny_model, tmp_path_factory) -> Path:
    """The folder into which the vision encoder of the small model is exported as ONNX."""
    for package in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(package)
    from pixelrefer_ros.export.onnx_export import export_onnx

    folder = tmp_path_factory.mktemp("exported")
    written = export_onnx(tiny_model, folder)
    assert written.error < 1e-4
    return folder


@pytest.fixture
def describer(endless_model) -> Iterator:
    from pixelrefer_ros.engine.describer import Describer

    with Describer(endless_model, max_new_tokens=8) as engine:
        yield engine


@pytest.fixture(scope="session")
def picture() -> np.ndarray:
    """A picture with structure everywhere, uint8 RGB [120, 160, 3]."""
    rows, columns = np.mgrid[0:120, 0:160]
    channels = [columns * 255 // 159, rows * 255 // 119, (rows * columns) % 256]
    return np.stack(channels, axis=-1).astype(np.uint8)

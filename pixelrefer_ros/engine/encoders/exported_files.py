"""Where `pixelrefer export` puts its files, and what they are called."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from pixelrefer_ros.engine.file_digest import sha256
from pixelrefer_ros.errors import ExportError

ONNX_FILE = "vision_encoder.onnx"
WEIGHTS_FILE = "vision_encoder.onnx.data"
"""Holds the weights of encoders that are too large for one ONNX file."""

PRECISIONS = ("float32", "float16", "bfloat16")


@dataclass(frozen=True)
class EngineKey:
    """Everything a TensorRT engine is only good for together.

    gpu: name of the GPU.
    tensorrt: version of the library.
    onnx: `onnx_digest` of the graph it was built from.
    precision: one of `PRECISIONS`.
    """

    gpu: str
    tensorrt: str
    onnx: str
    precision: str

    def file_name(self) -> str:
        """Return the name of the engine's file, another one for every other key."""
        text = json.dumps(asdict(self), sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()[:16]
        return f"vision_encoder.{in_file_name(self.gpu)}.{self.precision}.{digest}.engine"


def in_file_name(gpu: str) -> str:
    """Return the name of a GPU as part of a file's."""
    return re.sub(r"\W+", "_", gpu).strip("_")


def find_onnx(folder: Path) -> Path:
    """Return the ONNX file in a folder; raise `ExportError` if there is none."""
    path = folder / ONNX_FILE
    if not path.is_file():
        raise ExportError(
            f"there is no {ONNX_FILE} in '{folder}'; write it with "
            f"`pixelrefer export --format onnx --model MODEL --out {folder}`"
        )
    return path


def onnx_digest(path: Path) -> str:
    """Return the SHA-256 of an ONNX file and of its weights beside it, if it has any."""
    return sha256(*filter(Path.is_file, (path, path.with_name(WEIGHTS_FILE))))

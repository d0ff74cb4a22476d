"""Write the vision encoder as ONNX, checked before anybody sees the file."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from pixelrefer_ros.engine.encoders.bucketed import BucketedEncoder
from pixelrefer_ros.engine.encoders.buckets import bucket_lengths
from pixelrefer_ros.engine.encoders.exported_files import ONNX_FILE, WEIGHTS_FILE
from pixelrefer_ros.engine.encoders.graph_inputs import INPUT_NAMES, OUTPUT_NAME
from pixelrefer_ros.engine.encoders.onnx_runtime import OnnxRuntime
from pixelrefer_ros.engine.optional_packages import require
from pixelrefer_ros.errors import ExportError
from pixelrefer_ros.export.operators import GraphSummary, check_operators
from pixelrefer_ros.export.padded_encoder import PaddedVisionEncoder
from pixelrefer_ros.model.image_processor import View
from pixelrefer_ros.model.pixelrefer import PixelRefer

OPSET = 18
LARGEST_ERROR = 1e-3
LARGEST_FILE = 1 << 30
"""Bytes; Protocol Buffers end at twice that. Weights that are more lie in a file beside."""


class OnnxExport(NamedTuple):
    """What was written, of which model, of what it is made, and how far it is from torch."""

    path: Path
    model_id: str
    summary: GraphSummary
    error: float


def export_onnx(model: PixelRefer, folder: Path) -> OnnxExport:
    """Write the vision encoder of a float32 model on the CPU into a folder.

    Raises `ExportError`, and leaves no file, when a package is missing, the folder cannot be
    written, TensorRT could not read the graph, or ONNX Runtime and torch differ by more than 1e-3.
    """
    for package in ("onnx", "onnxscript", "onnxruntime"):
        require(package, "export", ExportError)
    try:
        return _export(model, folder)
    except OSError as error:
        raise ExportError(f"--out '{folder}' cannot be written: {error.strerror}") from error


def _export(model: PixelRefer, folder: Path) -> OnnxExport:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".export-", dir=folder) as scratch:
        path = Path(scratch) / ONNX_FILE
        _write(model, path)
        summary = check_operators(path)
        error = largest_error(model, path)
        if not error <= LARGEST_ERROR:
            raise ExportError(
                f"features of the exported encoder differ from torch by {error:.2g}, at most "
                f"{LARGEST_ERROR:g} is accepted; nothing was written"
            )
        (folder / WEIGHTS_FILE).unlink(missing_ok=True)  # of an encoder that was here before
        for part in Path(scratch).iterdir():
            part.replace(folder / part.name)
    return OnnxExport(folder / ONNX_FILE, model.model_id, summary, error)


def largest_error(model: PixelRefer, path: Path) -> float:
    """Return the largest absolute difference of any feature from the packed torch encoder.

    Looks at random views: below, at and above the edges of buckets, alone and together. What is
    no number anywhere is none here.
    """
    encoder = BucketedEncoder(model, OnnxRuntime(path, model.vision_encoder.device))
    views = probe_views(model)
    with torch.inference_mode():
        # After an export torch's first cosines are now and then off by 1e-4, those after it not.
        model.encode_views(views)
        expected = model.encode_views(views)
        errors = [
            (feature.view(*view.feature_grid, -1) - expected[view]).abs().max()
            for together in (views[:1], views)
            for view, feature in zip(together, encoder.encode(together), strict=True)
        ]
        return float(torch.stack(errors).max())


def probe_views(model: PixelRefer) -> Sequence[View]:
    """Make views of noise: one patch, around the first edge, merged, and the usual squares."""
    config = model.config
    grids = [(1, 1), (7, 9), (8, 8), (5, 13)]
    if config.is_lite:
        grids += [(side, side) for side in (config.local_view_patches, config.global_view_patches)]
    noise = np.random.default_rng(0)
    width = 3 * config.patch_size**2
    views = [
        View(noise.integers(0, 256, (rows * columns, width), np.uint8), (rows, columns))
        for rows, columns in grids
    ]
    merged = View(noise.integers(0, 256, (4 * 6, width), np.uint8), (4, 6), merge=2)
    return [*views, merged]


def _write(model: PixelRefer, path: Path) -> None:
    encoder = model.vision_encoder
    pixels = 3 * model.config.patch_size**2
    head = encoder.config.hidden_size // encoder.config.num_attention_heads
    views, patches = 2, bucket_lengths(model.config)[0]
    example = (
        torch.zeros(views, patches, pixels),
        torch.zeros(views, patches, head),
        torch.zeros(views, patches),
    )
    free = {0: torch.export.Dim("views"), 1: torch.export.Dim("patches")}
    size = sum(weight.numel() * weight.element_size() for weight in encoder.parameters())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter, about its own code
        torch.onnx.export(
            PaddedVisionEncoder(encoder).eval(),
            example,
            path,
            input_names=list(INPUT_NAMES),
            output_names=[OUTPUT_NAME],
            dynamic_shapes=dict.fromkeys(INPUT_NAMES, free),
            opset_version=OPSET,
            external_data=size > LARGEST_FILE,
            dynamo=True,
            verbose=False,
        )

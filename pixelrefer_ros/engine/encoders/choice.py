"""Give a model the encoder backend of the parameter `encoder.backend`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from pixelrefer_ros.engine.encoders.bucketed import BucketedEncoder, GraphRuntime
from pixelrefer_ros.engine.encoders.exported_files import PRECISIONS, find_onnx
from pixelrefer_ros.engine.encoders.fused import FusedEncoder
from pixelrefer_ros.engine.encoders.onnx_runtime import OnnxRuntime
from pixelrefer_ros.engine.encoders.tensorrt_runtime import TensorRtRuntime, engine_path
from pixelrefer_ros.engine.packed_attention import best_attention, use_attention
from pixelrefer_ros.errors import ExportError, InferenceError
from pixelrefer_ros.model.image_processor import View
from pixelrefer_ros.model.pixelrefer import PixelRefer

BACKENDS = ("torch", "onnxruntime", "tensorrt")

PROBE_GRID = (4, 6)
TOLERANCES = {torch.float32: 1e-2, torch.float16: 0.1, torch.bfloat16: 0.1}
"""Largest difference from torch, relative to the largest feature, that is only rounding."""


def use_encoder_backend(model: PixelRefer, backend: str, folder: str | Path) -> None:
    """Let a model encode with a backend, after a comparison with its own encoder on one view.

    backend: one of `BACKENDS`; `tensorrt` takes the engine of the model's number type.
    folder: where `pixelrefer export` wrote to.
    Raises `ExportError` for an unknown backend, a missing package or file, or a file exported
    from another model, and `DeviceError` for TensorRT without CUDA.
    """
    device, dtype = model.vision_encoder.device, model.vision_encoder.dtype
    if backend == "torch":
        use_attention(model.vision_encoder, best_attention(device, dtype))
        model.encoder_backend = FusedEncoder(model) if FusedEncoder.suits(model) else None
        return
    runtime = _open(backend, Path(folder), device, dtype)
    encoder = BucketedEncoder(model, runtime)
    _compare(model, encoder, f"encoder.backend {backend}, exported to '{folder}',")
    model.encoder_backend = encoder


def _open(backend: str, folder: Path, device: torch.device, dtype: torch.dtype) -> GraphRuntime:
    if backend == "onnxruntime":
        return OnnxRuntime(find_onnx(folder), device)
    if backend == "tensorrt":
        precision = str(dtype).removeprefix("torch.")
        assert precision in PRECISIONS
        return TensorRtRuntime(engine_path(find_onnx(folder), device, precision), device)
    raise ExportError(f"encoder.backend is '{backend}', must be one of {', '.join(BACKENDS)}")


@torch.inference_mode()
def _compare(model: PixelRefer, encoder: BucketedEncoder, name: str) -> None:
    """Raise `ExportError` unless an encoder finds in a view what the model's own finds."""
    size = (PROBE_GRID[0] * PROBE_GRID[1], 3 * model.config.patch_size**2)
    view = View(np.random.default_rng(0).integers(0, 256, size, np.uint8), PROBE_GRID)
    expected = model.encode_views([view])[view].flatten(0, 1).float()
    try:
        [found] = encoder.encode([view])
    except InferenceError as error:
        raise ExportError(f"{name} is of another model: {error}") from error
    if found.shape != expected.shape:
        raise ExportError(
            f"{name} is of another model: its features are {found.shape[1]} wide, "
            f"those of {model.model_id} {expected.shape[1]}"
        )
    largest = float(expected.abs().max())
    difference = float((found.float() - expected).abs().max()) / largest
    if not difference <= TOLERANCES[model.vision_encoder.dtype]:
        raise ExportError(
            f"{name} is of another model or computes wrongly: its features differ by "
            f"{100 * difference:.2g} % from those of {model.model_id}; export it again"
        )

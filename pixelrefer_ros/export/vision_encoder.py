"""From the name of a model to the exported files of its vision encoder."""

from __future__ import annotations

from pathlib import Path

import torch

from pixelrefer_ros.engine.device import resolve_device, resolve_dtype
from pixelrefer_ros.engine.encoders.exported_files import find_onnx
from pixelrefer_ros.engine.encoders.tensorrt_runtime import check_tensorrt
from pixelrefer_ros.export.onnx_export import OnnxExport, export_onnx
from pixelrefer_ros.export.tensorrt_build import OnPhase, build_engine
from pixelrefer_ros.export.tensorrt_profiles import optimisation_profiles
from pixelrefer_ros.model.checkpoint import find_folder
from pixelrefer_ros.model.configuration import PixelReferConfig
from pixelrefer_ros.model.pixelrefer import PixelRefer


def write_onnx(model_name: str, folder: Path) -> OnnxExport:
    """Load a model folder or hub id on the CPU, in float32, and export its vision encoder.

    Raises `CheckpointError`, and the errors of `export_onnx`.
    """
    return export_onnx(PixelRefer.from_pretrained(model_name, dtype=torch.float32), folder)


def tensorrt_device(name: str) -> torch.device:
    """Return the GPU of that name.

    Raises `DeviceError` or, without TensorRT, `ExportError`: cheap, to be asked before long work.
    """
    device = resolve_device(name)
    check_tensorrt(device)
    return device


def write_engine(
    model_name: str, folder: Path, device: torch.device, dtype: str, on_phase: OnPhase
) -> Path:
    """Build the TensorRT engine of the ONNX file in a folder, unless it is there.

    dtype: the node's `model.dtype`. Raises `CheckpointError`, and the errors of `build_engine`.
    """
    model_folder, _ = find_folder(model_name, revision=None, download=False)
    config = PixelReferConfig.from_folder(model_folder)
    return build_engine(
        find_onnx(folder),
        optimisation_profiles(config),
        device=device,
        precision=str(resolve_dtype(dtype, device)).removeprefix("torch."),
        on_phase=on_phase,
    )

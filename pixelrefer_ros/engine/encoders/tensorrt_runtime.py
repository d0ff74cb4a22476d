"""The exported encoder as a TensorRT engine, on torch's CUDA memory and streams.

Written against the Python API of TensorRT 10.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from pixelrefer_ros.engine.encoders.exported_files import EngineKey, onnx_digest
from pixelrefer_ros.engine.encoders.graph_inputs import INPUT_NAMES, OUTPUT_NAME, GraphInputs
from pixelrefer_ros.engine.optional_packages import require
from pixelrefer_ros.errors import DeviceError, ExportError, InferenceError


def check_tensorrt(device: torch.device) -> Any:
    """Return the package `tensorrt`, if it can be used on a device.

    Raises `DeviceError` without CUDA and `ExportError` without the package.
    """
    if device.type != "cuda":
        raise DeviceError(f"TensorRT needs a CUDA device, the device is '{device}'")
    return require("tensorrt", "tensorrt", ExportError)


def engine_path(onnx: Path, device: torch.device, precision: str) -> Path:
    """Return where the engine of an ONNX file for this GPU and library lies, built or not.

    Raises the errors of `check_tensorrt`.
    """
    library = check_tensorrt(device)
    key = EngineKey(
        gpu=torch.cuda.get_device_name(device),
        tensorrt=str(library.__version__),
        onnx=onnx_digest(onnx),
        precision=precision,
    )
    return onnx.with_name(key.file_name())


def choose_profile(
    limits: Sequence[tuple[Sequence[int], Sequence[int]]], length: int
) -> tuple[int, int]:
    """Return the first profile for views of `length` patches, and how many of them it takes.

    limits: the smallest and largest shape [views, patches, ...] of each profile.
    Raises `InferenceError` when none takes that length.
    """
    for index, (smallest, largest) in enumerate(limits):
        if smallest[1] <= length <= largest[1]:
            return index, largest[0]
    raise InferenceError(f"the TensorRT engine has no profile for views of {length} patches")


class TensorRtRuntime:
    """An engine with one execution context; used by one thread.

    Raises `ExportError` for a missing package or an engine this computer cannot run.
    """

    def __init__(self, path: Path, device: torch.device) -> None:
        library = check_tensorrt(device)
        if not path.is_file():
            raise ExportError(
                f"there is no TensorRT engine '{path}' for this GPU, this version of TensorRT and "
                "this ONNX file; build it with `pixelrefer export --format tensorrt --build-only "
                f"--model MODEL --out {path.parent}`"
            )
        self._device = device
        with torch.cuda.device(device):
            self._runtime = library.Runtime(library.Logger(library.Logger.WARNING))
            self._engine = self._runtime.deserialize_cuda_engine(path.read_bytes())
            if self._engine is None:
                raise ExportError(f"TensorRT cannot read '{path}'; remove it and build it again")
            self._context = self._engine.create_execution_context()
            if self._context is None:
                raise ExportError(f"TensorRT has not enough GPU memory for '{path}'")
            # Work on the default stream would make TensorRT wait for everything, every time.
            self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        shapes = [
            self._engine.get_tensor_profile_shape(INPUT_NAMES[0], index)
            for index in range(self._engine.num_optimization_profiles)
        ]
        self._limits = [(tuple(smallest), tuple(largest)) for smallest, _, largest in shapes]
        self._width = int(self._engine.get_tensor_shape(OUTPUT_NAME)[-1])

    def max_batch(self, length: int) -> int:
        """Return how many views of `length` patches may go through together."""
        return choose_profile(self._limits, length)[1]

    def run(self, inputs: GraphInputs) -> torch.Tensor:
        """Return features float32 [B, T, C] on the device of the inputs; raise `InferenceError`.

        Returns before the GPU is done; what torch does next on its stream waits for it.
        """
        with torch.cuda.device(self._device):  # this thread may have another one
            return self._run(inputs)

    def _run(self, inputs: GraphInputs) -> torch.Tensor:
        features = torch.empty(*inputs.key_bias.shape, self._width, device=self._device)
        current = torch.cuda.current_stream(self._device)
        self._stream.wait_stream(current)
        handle = self._stream.cuda_stream
        profile, _ = choose_profile(self._limits, inputs.key_bias.shape[1])
        if not self._context.set_optimization_profile_async(profile, handle):
            raise InferenceError(f"TensorRT refused its optimisation profile {profile}")
        for name, tensor in inputs.by_name().items():
            if not self._context.set_input_shape(name, tuple(tensor.shape)):
                raise InferenceError(f"TensorRT refused {name} of shape {list(tensor.shape)}")
            self._context.set_tensor_address(name, tensor.data_ptr())
        self._context.set_tensor_address(OUTPUT_NAME, features.data_ptr())
        if not self._context.execute_async_v3(handle):
            raise InferenceError("TensorRT failed; its log says why")
        current.wait_stream(self._stream)
        return features

"""The exported encoder in ONNX Runtime, on the CPU or, with onnxruntime-gpu, on CUDA."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from pixelrefer_ros.engine.encoders.graph_inputs import INPUT_NAMES, OUTPUT_NAME, GraphInputs
from pixelrefer_ros.engine.optional_packages import require
from pixelrefer_ros.errors import ExportError, InferenceError

PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}

PATCHES_PER_PASS = 8192
"""Bounds the memory of a batch: ONNX Runtime keeps all scores of an attention at once."""


class OnnxRuntime:
    """A session that reads from and writes to torch's own memory.

    Raises `ExportError` for a missing package or provider, or a file that is no such graph.
    """

    def __init__(self, path: Path, device: torch.device) -> None:
        library: Any = require("onnxruntime", "export", ExportError)
        self._device = device
        provider = PROVIDERS[device.type]
        if provider not in library.get_available_providers():
            raise ExportError(
                f"encoder.backend onnxruntime on {device} needs {provider}, this onnxruntime has "
                f"{', '.join(library.get_available_providers())}; install onnxruntime-gpu in its "
                "place, or set model.device to cpu"
            )
        options = library.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = 3  # errors; they come as exceptions too
        where = {"device_id": device.index or 0} if device.type == "cuda" else {}
        try:
            self._session = library.InferenceSession(
                str(path), options, providers=[(provider, where)]
            )
            outputs = self._session.get_outputs()
            inputs = tuple(node.name for node in self._session.get_inputs())
        except Exception as error:
            raise ExportError(
                f"ONNX Runtime cannot read '{path}': {_first_line(error)}; export it again"
            ) from error
        if inputs != INPUT_NAMES or [node.name for node in outputs] != [OUTPUT_NAME]:
            raise ExportError(
                f"'{path}' is no exported vision encoder: it reads {', '.join(inputs)}, "
                f"expected {', '.join(INPUT_NAMES)}; export it again"
            )
        self._width: int = outputs[0].shape[-1]

    def max_batch(self, length: int) -> int:
        """Return how many views of `length` patches may go through together."""
        return max(1, PATCHES_PER_PASS // length)

    def run(self, inputs: GraphInputs) -> torch.Tensor:
        """Return features float32 [B, T, C] on the device of the inputs; raise `InferenceError`."""
        features = torch.empty(*inputs.key_bias.shape, self._width, device=self._device)
        binding = self._session.io_binding()
        for name, tensor in inputs.by_name().items():
            binding.bind_input(name, *self._place(tensor))
        binding.bind_output(OUTPUT_NAME, *self._place(features))
        if self._device.type == "cuda":  # it computes on a stream of its own
            torch.cuda.current_stream(self._device).synchronize()
        try:
            self._session.run_with_iobinding(binding)
        except Exception as error:
            raise InferenceError(f"ONNX Runtime failed: {_first_line(error)}") from error
        binding.synchronize_outputs()
        return features

    def _place(self, tensor: torch.Tensor) -> tuple[str, int, Any, tuple[int, ...], int]:
        """Describe the memory of a contiguous float32 tensor the way ONNX Runtime takes it."""
        device = self._device
        return device.type, device.index or 0, "float32", tuple(tensor.shape), tensor.data_ptr()


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]

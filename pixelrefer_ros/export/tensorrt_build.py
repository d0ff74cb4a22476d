"""Build the TensorRT engine of an exported encoder. Takes minutes; a robot never does it unasked.

Written against the Python API of TensorRT 10.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from pixelrefer_ros.engine.encoders.exported_files import in_file_name
from pixelrefer_ros.engine.encoders.graph_inputs import INPUT_NAMES
from pixelrefer_ros.engine.encoders.tensorrt_runtime import check_tensorrt, engine_path
from pixelrefer_ros.errors import ExportError
from pixelrefer_ros.export.tensorrt_profiles import Profile

OnPhase = Callable[[str, int, int], None]
"""Called with the name of a phase of the build, its steps that are done, and all it has."""


def build_engine(
    onnx: Path,
    profiles: Sequence[Profile],
    *,
    device: torch.device,
    precision: str,
    on_phase: OnPhase,
) -> Path:
    """Build the engine of an ONNX file beside it, unless it is there, and return its path.

    precision: one of `PRECISIONS`, which the device has to compute in.
    Raises `DeviceError` without a GPU, `ExportError` when TensorRT is missing or cannot build.
    """
    library = check_tensorrt(device)
    path = engine_path(onnx, device, precision)
    if path.is_file():
        return path
    log = library.Logger(library.Logger.WARNING)
    with torch.cuda.device(device):
        builder = library.Builder(log)
        network = builder.create_network(0)
        parser = library.OnnxParser(network, log)
        if not parser.parse_from_file(str(onnx)):
            reasons = "; ".join(parser.get_error(k).desc() for k in range(parser.num_errors))
            raise ExportError(f"TensorRT cannot read '{onnx}': {reasons}")
        config = builder.create_builder_config()
        _set_precision(library, config, precision)
        _add_profiles(builder, config, network, profiles)
        timings = _timings(library, onnx, device)
        _use_timings(config, timings)
        config.progress_monitor = _monitor(library, on_phase)
        engine = builder.build_serialized_network(network, config)
    if engine is None:
        raise ExportError(f"TensorRT cannot build an engine of '{onnx}'; its log says why")
    _replace(path, engine)
    _replace(timings, config.get_timing_cache().serialize())
    return path


def _timings(library: Any, onnx: Path, device: torch.device) -> Path:
    """Return where that lies what TensorRT measured of its kernels on this GPU.

    It makes the next build, such as in another number type, much shorter.
    """
    gpu = in_file_name(torch.cuda.get_device_name(device))
    return onnx.with_name(f"tensorrt_timings.{gpu}.{library.__version__}.cache")


def _use_timings(config: Any, timings: Path) -> None:
    """Begin with the timings of a file, or with none where they are of another GPU or broken."""
    content = timings.read_bytes() if timings.is_file() else b""
    cache = config.create_timing_cache(content)
    if cache is None or not config.set_timing_cache(cache, ignore_mismatch=False):
        config.set_timing_cache(config.create_timing_cache(b""), ignore_mismatch=False)


def _set_precision(library: Any, config: Any, precision: str) -> None:
    if precision == "float32":
        config.clear_flag(library.BuilderFlag.TF32)  # has the range of float32, not its precision
    else:
        flags = {"float16": library.BuilderFlag.FP16, "bfloat16": library.BuilderFlag.BF16}
        config.set_flag(flags[precision])


def _add_profiles(builder: Any, config: Any, network: Any, profiles: Sequence[Profile]) -> None:
    """Give the two free sizes of every input their bounds; other sizes are in the graph."""
    inputs = [network.get_input(k) for k in range(network.num_inputs)]
    if {tensor.name for tensor in inputs} != set(INPUT_NAMES):
        raise ExportError(f"the graph reads {[t.name for t in inputs]}, not {list(INPUT_NAMES)}")
    for profile in profiles:
        bounds = builder.create_optimization_profile()
        for tensor in inputs:
            rest = tuple(tensor.shape)[2:]
            sizes = (profile.smallest, profile.usual, profile.largest)
            bounds.set_shape(tensor.name, *((*size, *rest) for size in sizes))
        if config.add_optimization_profile(bounds) < 0:
            raise ExportError(f"TensorRT refused the optimisation profile {profile}")


def _monitor(library: Any, on_phase: OnPhase) -> Any:
    """Make TensorRT's progress monitor; its base class is there only with TensorRT."""

    class Monitor(library.IProgressMonitor):  # type: ignore[misc]
        def __init__(self) -> None:
            library.IProgressMonitor.__init__(self)
            self._steps: dict[str, int] = {}

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
            self._steps[phase_name] = num_steps
            on_phase(phase_name, 0, num_steps)

        def step_complete(self, phase_name: str, step: int) -> bool:
            on_phase(phase_name, step + 1, self._steps.get(phase_name, step + 1))
            return True  # go on

        def phase_finish(self, phase_name: str) -> None:
            steps = self._steps.pop(phase_name, 0)
            on_phase(phase_name, steps, steps)

    return Monitor()


def _replace(path: Path, content: Any) -> None:
    """Write a file that is whole or not there."""
    partial = path.with_name(f"{path.name}.partial")
    partial.write_bytes(content)
    partial.replace(path)

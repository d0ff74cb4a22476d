"""`pixelrefer export`: the vision encoder as ONNX or as a TensorRT engine."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pixelrefer_ros.errors import CommandError
from pixelrefer_ros.resources import find_model

if TYPE_CHECKING:
    from pixelrefer_ros.export.onnx_export import OnnxExport
    from pixelrefer_ros.export.tensorrt_build import OnPhase

DESCRIPTION = """\
Write the vision encoder of a model as ONNX, or as a TensorRT engine for the GPU of this computer.

The ONNX file is compared with torch, in ONNX Runtime, and its operators with those that TensorRT
reads; if anything is wrong, nothing is written. docs/export.md tells how to use the files.
"""

EXAMPLES = """\
examples:
  pixelrefer export --format onnx --model models/random-tiny --out out/encoder
  pixelrefer describe photo.jpg --box 120,80,64,48 --model models/random-tiny \\
      --encoder-backend onnxruntime --encoder-path out/encoder
  pixelrefer export --format tensorrt --dtype float16 --model MODEL --out engines
"""


def add_parser(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
) -> argparse.ArgumentParser:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "export",
        help="write the vision encoder as ONNX or TensorRT engine; needs no ROS",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--format", choices=("onnx", "tensorrt"), required=True, help="what to write"
    )
    parser.add_argument(
        "--model", default="", help="folder, shipped model or hub id; default: the shipped model"
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder for the files"
    )
    parser.add_argument("--device", help="GPU of the engine: auto (default), cuda or cuda:N")
    parser.add_argument(
        "--dtype",
        help="type of the model the engine is for: auto (default), float32, bfloat16 or float16",
    )
    parser.add_argument(
        "--build-only",
        action="store_true",
        help="build the engine of the ONNX file in --out, without writing that; for launch files, "
        "before the node starts",
    )
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Write the files, print what they are."""
    from pixelrefer_ros.export.vision_encoder import tensorrt_device, write_engine, write_onnx

    model, folder = find_model(arguments.model), arguments.out
    if arguments.format == "onnx":
        _refuse_options_of_tensorrt(arguments)
        _report(write_onnx(model, folder))
        return 0
    device = tensorrt_device(arguments.device or "auto")
    if not arguments.build_only:
        _report(write_onnx(model, folder))
    with _phases() as on_phase:
        print(write_engine(model, folder, device, arguments.dtype or "auto", on_phase))
    return 0


def _refuse_options_of_tensorrt(arguments: argparse.Namespace) -> None:
    for option in ("device", "dtype", "build_only"):
        if getattr(arguments, option):
            raise CommandError(f"--{option.replace('_', '-')} does not go with --format onnx")


def _report(written: OnnxExport) -> None:
    operators = ", ".join(f"{count} {name}" for name, count in written.summary.operators.items())
    print(f"{written.path}: vision encoder of {written.model_id}")
    print(f"largest difference of a feature from torch: {written.error:.2g}")
    print(f"opset {written.summary.opset}, all operators in TensorRT's list: {operators}")


@contextmanager
def _phases() -> Iterator[OnPhase]:
    """Show a bar for each phase of a build, or lines where standard error is no terminal."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TaskID,
        TextColumn,
        TimeElapsedColumn,
    )

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
        tasks: dict[str, TaskID] = {}

        def show(phase: str, done: int, steps: int) -> None:
            if phase not in tasks:
                tasks[phase] = progress.add_task(phase)
                if not console.is_terminal:
                    print(f"TensorRT: {phase}, {steps} steps", file=sys.stderr, flush=True)
            progress.update(tasks[phase], completed=done, total=steps)

        yield show

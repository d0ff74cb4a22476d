"""The options that say which model runs, and where."""

from __future__ import annotations

import argparse

from pixelrefer_ros.commands.argument_types import positive_count


def add_model_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --model, --device, --dtype and --quantization."""
    parser.add_argument(
        "--model", default="", help="folder, shipped model or hub id; default: the shipped model"
    )
    parser.add_argument("--device", default="auto", help="auto (default), cpu, cuda or cuda:N")
    parser.add_argument(
        "--dtype", default="auto", help="auto (default), float32, bfloat16 or float16"
    )
    parser.add_argument(
        "--quantization",
        default="none",
        help="of the weights: none (default), int8, int4 or int8_dynamic, see docs/performance.md",
    )


def add_length_argument(parser: argparse.ArgumentParser) -> None:
    """Add --max-new-tokens."""
    parser.add_argument(
        "--max-new-tokens",
        metavar="N",
        type=positive_count,
        default=64,
        help="longest answer, default 64 tokens",
    )

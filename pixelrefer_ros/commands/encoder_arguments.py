"""The options that choose the vision encoder's backend."""

from __future__ import annotations

import argparse


def add_encoder_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --encoder-backend and --encoder-path."""
    parser.add_argument(
        "--encoder-backend",
        metavar="NAME",
        default="torch",
        help="what runs the vision encoder: torch (default), onnxruntime or tensorrt",
    )
    parser.add_argument(
        "--encoder-path",
        metavar="DIR",
        default="",
        help="folder that `pixelrefer export` wrote to; default: the model's",
    )

"""The options that say how objects are found, named and set as the node's parameters."""

from __future__ import annotations

import argparse

from pixelrefer_ros.regions.propagation import PROPAGATORS
from pixelrefer_ros.regions.segmentation import SEGMENTERS


def add_segmenter_argument(parser: argparse.ArgumentParser) -> None:
    """Add --segmenter."""
    parser.add_argument(
        "--segmenter",
        choices=SEGMENTERS,
        default="grabcut",
        help="finds the object in a box or at a point, default grabcut",
    )


def add_propagator_argument(parser: argparse.ArgumentParser) -> None:
    """Add --propagator."""
    parser.add_argument(
        "--propagator",
        choices=PROPAGATORS,
        default="flow",
        help="follows it over several frames, default flow",
    )


def add_sam2_argument(parser: argparse.ArgumentParser) -> None:
    """Add --sam2-path."""
    parser.add_argument(
        "--sam2-path",
        metavar="MODEL",
        default="",
        help="folder or downloaded hub id of SAM 2's weights, for sam2",
    )

"""`pixelrefer motion`: what following costs in right answers, through the whole path."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from pixelrefer_ros.commands.argument_types import positive_count
from pixelrefer_ros.commands.finding_arguments import (
    add_propagator_argument,
    add_sam2_argument,
    add_segmenter_argument,
)
from pixelrefer_ros.commands.progress import progress_bar
from pixelrefer_ros.commands.ros_environment import prepare_ros
from pixelrefer_ros.resources import find_model

if TYPE_CHECKING:
    from pixelrefer_ros.motion.comparison import Comparison

DESCRIPTION = """\
Play the clips of a data set that `pixelrefer simulate` wrote into a node, as a bag, and ask it how
things move: once with the true masks on all frames, once with the mask on the last frame and once
with the box there, so that the node must follow the objects itself.
"""

EXAMPLES = """\
examples:
  pixelrefer simulate --out data/clips --scenes 0 --clips 50 --seed 900000
  pixelrefer motion --data data/clips
  pixelrefer motion --data data/clips --limit 20 --propagator none --json
"""


def add_parser(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
) -> argparse.ArgumentParser:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "motion",
        help="count the right answers about motion when the node follows the objects",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--data", metavar="DIR", type=Path, required=True, help="folder with annotations.json"
    )
    parser.add_argument("--model", metavar="M", help="model folder, or shipped model")
    parser.add_argument(
        "--limit", metavar="N", type=positive_count, default=200, help="questions, default 200"
    )
    add_segmenter_argument(parser)
    add_propagator_argument(parser)
    add_sam2_argument(parser)
    parser.add_argument("--json", action="store_true", help="print a JSON object, not a table")
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Play, ask, print the shares of right answers."""
    prepare_ros()
    from pixelrefer_ros.motion.comparison import compare

    parameters = {
        "regions.segmenter": arguments.segmenter,
        "regions.propagator": arguments.propagator,
    }
    if arguments.sam2_path:
        parameters["regions.sam2_path"] = arguments.sam2_path
    with TemporaryDirectory() as folder, progress_bar("motion") as progress:
        found = compare(
            arguments.data,
            model=find_model(arguments.model),
            parameters=parameters,
            limit=arguments.limit,
            folder=Path(folder),
            progress=progress,
        )
    if arguments.json:
        sys.stdout.write(json.dumps(found.to_dict(), indent=2) + "\n")
    else:
        _print_table(found)
    return 0


def _print_table(found: Comparison) -> None:
    from rich.table import Table
    from rich.text import Text

    from pixelrefer_ros.report import make_console, noise_notice

    motions = sorted({motion for share in found.shares.values() for motion in share.by_expected})
    table = Table()
    for heading in ("pointed at with", "right", "of", *motions):
        table.add_column(heading, justify="left" if heading == "pointed at with" else "right")
    for name, share in found.shares.items():
        parts = [share.by_expected[motion] for motion in motions]
        table.add_row(
            name.replace("_", " "),
            *(f"{100 * (share.accuracy or 0.0):.1f} %", str(share.n)),
            *(f"{part.right} of {part.n}" for part in parts),
        )
    console = make_console()
    console.print(table)
    console.print(
        f"{found.model} on {found.data}: {found.seconds:.0f} s"
        + (f", {found.failed} questions failed" if found.failed else "")
    )
    if notice := noise_notice(found.model):
        console.print(Text(notice, style="yellow"))

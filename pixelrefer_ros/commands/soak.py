"""`pixelrefer soak`: leave a node running under load and count what comes back."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from pixelrefer_ros.commands.argument_types import positive_count, positive_number
from pixelrefer_ros.commands.ros_environment import prepare_ros

DESCRIPTION = """\
Start the node, two cameras at 30 Hz (640x480 and 1920x1080) and clients that ask mixed questions,
each in its own process, and count: frames sent and received, requests and answers, codes, times,
memory and file descriptors of the node after a warm-up and at the end.

Other ROS nodes on this computer are not disturbed. Exit status 0: every frame and every request
arrived, nothing grew; 1: what was lost or grew is said.
"""

EXAMPLES = """\
examples:
  pixelrefer soak
  pixelrefer soak --minutes 10 --clients 4 --json
"""


def add_parser(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
) -> argparse.ArgumentParser:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "soak",
        help="leave a node running under load",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--minutes", metavar="M", type=positive_number, default=1.0, help="how long, default 1"
    )
    parser.add_argument(
        "--clients", metavar="N", type=positive_count, default=4, help="how many, default 4"
    )
    parser.add_argument("--model", default="", help="folder, shipped model or downloaded hub id")
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="for the logs; default: not kept"
    )
    parser.add_argument("--json", action="store_true", help="print a JSON object, not a list")
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Soak, print the figures, and say what is wrong."""
    prepare_ros()
    from pixelrefer_ros.soak.run import run_soak

    with tempfile.TemporaryDirectory() as folder:
        figures = run_soak(
            minutes=arguments.minutes,
            clients=arguments.clients,
            model=arguments.model,
            out=arguments.out or Path(folder),
        )
    sys.stdout.write(figures.to_json() if arguments.json else figures.to_text())
    for problem in figures.problems:
        print(f"pixelrefer soak: {problem}", file=sys.stderr)
    return 1 if figures.problems else 0

"""`pixelrefer demo`: the main job on a bag."""

from __future__ import annotations

import argparse
from pathlib import Path

from pixelrefer_ros.commands.encoder_arguments import add_encoder_arguments
from pixelrefer_ros.commands.ros_environment import prepare_ros

DESCRIPTION = """\
Start the node and a camera that plays a bag, each in its own process, ask about boxes, masks
and polygons while it runs, print the answers, and write results.json and annotated pictures.

The bag keeps its own rhythm and stamps. Other ROS nodes on this computer are not disturbed.
A question that gets no answer is listed with its error code; exit status 0 all the same.
"""

QUERIES = """\
queries: a JSON list, each entry with one of box, polygon, mask; the rest is optional
  [{"box": [120, 80, 64, 48], "prompt": "What is this?", "stamp_ns": 1700000000250000000,
    "expected": "mug"},
   {"polygon": [[10, 10], [90, 10], [50, 80]], "object_id": "cup"},
   {"mask": "cup.png"},
   {"regions": [{"box": [0, 0, 9, 9]}, {"mask": "cup.png"}], "prompt": "Is <region> on <region>?"}]
stamp_ns is the header stamp of the frame, within 0.02 s; without it: the last frame.
expected is the right answer, to be shown beside the one that is given.
"""


def add_parser(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
) -> argparse.ArgumentParser:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "demo",
        help="show the main job on a bag",
        description=DESCRIPTION,
        epilog=QUERIES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--bag",
        default="",
        help="rosbag2 folder, .mcap or .db3 file; default: a simulated table top",
    )
    parser.add_argument("--topic", default="", help="image topic; default: the first with colours")
    parser.add_argument(
        "--queries",
        default="",
        metavar="FILE",
        help="what to ask; default: about the table top, or the middle of the last frame of a bag",
    )
    parser.add_argument("--model", default="", help="folder, shipped model or downloaded hub id")
    add_encoder_arguments(parser)
    parser.add_argument(
        "--out", type=Path, default=Path("out/demo"), metavar="FOLDER", help="default: out/demo"
    )
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Run the demo."""
    prepare_ros()
    from pixelrefer_ros.demo.run import run_demo

    run_demo(
        bag=arguments.bag,
        topic=arguments.topic,
        queries=arguments.queries,
        model=arguments.model,
        encoder_backend=arguments.encoder_backend,
        encoder_path=arguments.encoder_path,
        out=arguments.out,
    )
    return 0

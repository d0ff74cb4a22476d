"""`pixelrefer annotate`: a query file to start from, with pictures of its frames."""

from __future__ import annotations

import argparse
from pathlib import Path

from pixelrefer_ros.commands.argument_types import positive_count

DESCRIPTION = """\
Write queries.yaml, which `pixelrefer replay` reads, for some frames of a bag, evenly in time, and
a picture of each with marks to measure boxes by. The boxes are those of a detector where the bag
has a topic of them, else one on the middle of each frame, to be put right by hand.
"""

EXAMPLES = """\
examples:
  pixelrefer annotate recording --topic /camera/image_raw
  pixelrefer annotate recording --topic /camera/image_raw --detections /yolo/detections \\
      --frames 20 --out annotated
  pixelrefer replay recording --queries annotated/queries.yaml --out out/replay
"""


def add_parser(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
) -> argparse.ArgumentParser:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "annotate",
        help="write a query file for replay to start from",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("bag", metavar="BAG", help="rosbag2 folder, .mcap or .db3 file")
    parser.add_argument("--topic", default="", help="image topic; default: the first with colours")
    parser.add_argument(
        "--out",
        metavar="DIR",
        type=Path,
        default=Path("annotated"),
        help="where to write, default annotated",
    )
    parser.add_argument(
        "--frames", metavar="N", type=positive_count, default=8, help="how many, default 8"
    )
    parser.add_argument(
        "--detections",
        metavar="TOPIC",
        default="",
        help="boxes: vision_msgs/Detection2DArray, yolo_msgs/DetectionArray or "
        "darknet_ros_msgs/BoundingBoxes",
    )
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Write the files and say what to do with them."""
    from pixelrefer_ros.replay.annotation import write_starter
    from pixelrefer_ros.streams.bag_reader import BagReader

    written = write_starter(
        BagReader(arguments.bag),
        arguments.topic,
        arguments.out,
        frames=arguments.frames,
        detections=arguments.detections,
    )
    print(
        f"{arguments.out / 'queries.yaml'}: {written.queries} queries on {written.frames} frames"
        + (f"; {written.left_out} detections lie on no frame" if written.left_out else "")
        + (f"; {written.broken} broken messages left out" if written.broken else "")
    )
    return 0

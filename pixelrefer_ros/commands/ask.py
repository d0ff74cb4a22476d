"""`pixelrefer ask`: ask a running node about what its camera sees."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace

from pixelrefer_ros.commands.argument_types import frame_count, node_name, stamp, timeout
from pixelrefer_ros.commands.region_arguments import add_region_arguments, check_regions, spread
from pixelrefer_ros.commands.ros_environment import prepare_ros
from pixelrefer_ros.errors import ErrorCode, NotActiveError
from pixelrefer_ros.report import print_table, to_json
from pixelrefer_ros.streams.stamps import NANOSECONDS

DESCRIPTION = """\
Ask a running node about regions of its camera's frames.

Exit status 0: answered; 1: the node answered with an error code; 2: wrong input or no node.
"""

EXAMPLES = """\
examples:
  pixelrefer ask --box 120,80,64,48 --prompt "What is this?"
  pixelrefer ask --point 152,104 --frames 8 --history 2 --prompt "What does it do?"
  pixelrefer ask --box 120,80,64,48 --object-id left --box 300,90,60,50 --object-id right \\
      --prompt "Which is larger, <region> or <region>?" --json
"""

DISCOVERY_S = 10.0


def add_parser(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
) -> argparse.ArgumentParser:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "ask",
        help="ask a running node",
        usage="%(prog)s REGION ... [--prompt PROMPT] [OPTION ...]",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    regions = add_region_arguments(parser)
    regions.add_argument(
        "--stamp",
        type=stamp,
        action="append",
        default=[],
        help="frame pointed at: header stamp in nanoseconds, or in seconds with a decimal point; "
        "default: the newest",
    )
    parser.add_argument(
        "--frames",
        metavar="N",
        type=frame_count,
        default=1,
        help="frames over which regions are followed, evenly in time; default: those pointed at",
    )
    parser.add_argument(
        "--history",
        metavar="S",
        type=timeout,
        default=0.0,
        help="how far back they are followed; default: as far as the node's buffer reaches",
    )
    parser.add_argument("--prompt", default="", help="the question; default: describe in detail")
    parser.add_argument("--camera", default="", help="name of the camera, if there are several")
    parser.add_argument(
        "--node",
        type=node_name,
        default="/pixelrefer",
        help="its name with its namespace, default /pixelrefer",
    )
    parser.add_argument(
        "--timeout",
        metavar="S",
        type=timeout,
        default=30.0,
        help="longest wait for the answer, default 30 s",
    )
    parser.add_argument("--json", action="store_true", help="print a JSON list, not a table")
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Ask and print the answers."""
    check_regions(arguments.regions)
    count = len(arguments.regions)
    stamps = spread("--stamp", arguments.stamp, count, 0)
    object_ids = spread("--object-id", arguments.object_id, count, "")
    regions = [
        replace(region, object_id=object_id)
        for region, object_id in zip(arguments.regions, object_ids, strict=True)
    ]
    prepare_ros()
    from pixelrefer_ros.ros.asking import ask
    from pixelrefer_ros.ros.client import REPLY_MARGIN_S, DescribeRegionClient

    with DescribeRegionClient(arguments.node) as client:
        if not client.wait_for_node(DISCOVERY_S):
            raise NotActiveError(
                f"no node '{arguments.node}' within {DISCOVERY_S:.0f} s: start it with "
                "`pixelrefer node`, or name it with --node; ROS_DOMAIN_ID must be the same"
            )
        asked = ask(
            client,
            regions,
            stamps,
            camera=arguments.camera,
            prompt=arguments.prompt,
            timeout_s=arguments.timeout,
            num_frames=arguments.frames,
            history_ns=round(arguments.history * NANOSECONDS),
        )
        entries = asked.wait(arguments.timeout + REPLY_MARGIN_S)
    failure = next((entry for entry in entries if entry.error_code), None)
    if arguments.json:
        sys.stdout.write(to_json(entries))
    elif failure is None:
        print_table(entries)
    if failure is not None:
        code = ErrorCode(failure.error_code)
        print(f"pixelrefer ask: {code.name} ({code}): {failure.error_msg}", file=sys.stderr)
        return 1
    return 0

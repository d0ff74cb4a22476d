"""`pixelrefer doctor`: check a machine and say what to do."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING

from pixelrefer_ros.doctor.finding import Finding, Level

if TYPE_CHECKING:
    from pixelrefer_ros.doctor.checks import Check

DESCRIPTION = """\
Check this machine: Python and its packages, GPU, memory and disk, the model folder, ROS 2, images
sent between two processes, camera topics. Says of each finding what to do. Takes about 20 seconds.

Without ROS 2 that part is left out. Start it in the environment the node gets: the same variables,
the same sourced workspace.

Exit status 0: nothing is wrong; 1: something will not work (marked `error`); 2: wrong input.
"""

EXAMPLES = """\
examples:
  pixelrefer doctor
  pixelrefer doctor --topic /camera/image_raw --model models/PixelRefer-Lite-2B
  pixelrefer doctor --json
"""

STYLES = {Level.OK: "green", Level.INFO: "dim", Level.WARN: "yellow", Level.ERROR: "bold red"}


def add_parser(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
) -> argparse.ArgumentParser:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "doctor",
        help="check this machine and say what to do",
        usage="%(prog)s [--topic T ...] [--model M] [--json]",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--topic",
        metavar="T",
        action="append",
        default=[],
        help="image topic that must be there, with its namespace; default: all that can be seen",
    )
    parser.add_argument(
        "--model",
        metavar="M",
        default="",
        help="folder, shipped model or downloaded hub id; default: the shipped model",
    )
    parser.add_argument("--json", action="store_true", help="print JSON, not a table")
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Run all checks and print what they found."""
    from pixelrefer_ros.doctor.checks import core_checks, run_check  # torch: a second or two

    checks = core_checks(arguments.model) + _ros_checks(arguments.topic)
    findings = [finding for check in checks for finding in run_check(check)]
    fine = all(finding.level is not Level.ERROR for finding in findings)
    if arguments.json:
        sys.stdout.write(to_json(findings, fine=fine))
    else:
        _print_table(findings)
    return 0 if fine else 1


def to_json(findings: Sequence[Finding], *, fine: bool) -> str:
    """Write `ok` and the list `findings`, each with `level`, `what`, `found` and `cure`."""
    listed = [finding._asdict() | {"level": finding.level.value} for finding in findings]
    return json.dumps({"ok": fine, "findings": listed}, indent=2, ensure_ascii=False) + "\n"


def _ros_checks(topics: Sequence[str]) -> list[Check]:
    """Return the checks that need ROS; without it, one that says so."""
    if find_spec("rclpy") is None:
        level = Level.ERROR if topics else Level.INFO
        found = "not here: the middleware, images between processes and cameras were left out"
        cure = "source /opt/ros/jazzy/setup.bash, or run `make setup` in a checkout"
        return [lambda: iter([Finding(level, "ROS 2", found, cure)])]
    try:
        from pixelrefer_ros.ros.doctor.checks import ros_checks
    except ImportError as error:
        found = f"rclpy or the messages of this package cannot be imported: {error}"
        cure = (
            "source install/setup.bash of the workspace this package was built in, or run "
            "`make setup` in a checkout and use .venv/bin/pixelrefer"
        )
        return [lambda: iter([Finding(Level.ERROR, "ROS 2", found, cure)])]
    return ros_checks([_with_root(topic) for topic in topics])


def _with_root(topic: str) -> str:
    return topic if topic.startswith("/") else f"/{topic}"


def _print_table(findings: Sequence[Finding]) -> None:
    from rich.table import Table
    from rich.text import Text

    from pixelrefer_ros.report import make_console, printable

    table = Table(show_lines=True)
    for heading in ("", "what", "found", "what to do"):
        table.add_column(heading, overflow="fold")
    for finding in findings:
        table.add_row(
            Text(finding.level.value, style=STYLES[finding.level]),
            *(Text(printable(text)) for text in (finding.what, finding.found, finding.cure)),
        )
    make_console().print(table)

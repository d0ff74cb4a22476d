"""The command `pixelrefer`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import NoReturn

from pixelrefer_ros import __version__
from pixelrefer_ros.commands import (
    ablate,
    annotate,
    ask,
    bench,
    demo,
    describe,
    doctor,
    evaluate,
    export,
    inspect,
    motion,
    node,
    replay,
    score,
    simulate,
    soak,
    train,
)
from pixelrefer_ros.errors import PixelReferError

DESCRIPTION = """\
Point at an object in an image or a camera stream and ask about it.

A region is a box, a polygon or a mask, in pixels of the original image. A prompt with one
<region> per object asks about all of them together; any other prompt is asked of each object;
without a prompt each object is described in detail.
"""

EXAMPLES = """\
examples:
  pixelrefer describe photo.jpg --box 120,80,64,48 --prompt "What is this?"
  pixelrefer describe --bag recording --polygon "10,10 90,10 50,80" --json
  pixelrefer node --topic /camera/image_raw
  pixelrefer ask --box 120,80,64,48 --prompt "Is it open?"
  pixelrefer demo --bag recording

`pixelrefer COMMAND --help` tells more. Exit status 2: wrong input, said in one line.
"""

REGION_OPTIONS = ("--box", "--polygon", "--point")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    parser = make_parser()
    given = _keep_negative_numbers(sys.argv[1:] if arguments is None else arguments)
    parsed, others = parser.parse_known_args(given)
    command: argparse.ArgumentParser = parsed.parser
    if parsed.run is node.run:
        parsed.ros_arguments = others
    elif others:
        command.error(f"unrecognized arguments: {' '.join(others)}")
    try:
        return int(parsed.run(parsed))
    except PixelReferError as error:
        print(f"{command.prog}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        from pixelrefer_ros.engine.failures import is_out_of_memory  # torch, which takes seconds

        if not is_out_of_memory(error):
            raise
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        print(
            f"{command.prog}: out of memory: {reason}. Smaller models, types and batches need less",
            file=sys.stderr,
        )
        return 2


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Say what is wrong in one line, without the usage."""
        self.exit(2, f"{self.prog}: {message} (see --help)\n")


def make_parser() -> argparse.ArgumentParser:
    """Build the parser; each command registers itself."""
    parser = _Parser(
        prog="pixelrefer",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"pixelrefer {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in (
        describe, node, ask, doctor, demo, annotate, replay, simulate, train, evaluate, score,
        motion, inspect, bench, ablate, export, soak,
    ):  # fmt: skip
        added = command.add_parser(commands)
        added.set_defaults(run=command.run, parser=added)
    return parser


def _keep_negative_numbers(arguments: Sequence[str]) -> list[str]:
    """Join `--box -5,0,10,10`, so that it is refused as a box and not as an unknown option."""
    joined: list[str] = []
    for argument in arguments:
        if joined and joined[-1] in REGION_OPTIONS:
            joined[-1] += f"={argument}"
        else:
            joined.append(argument)
    return joined


if __name__ == "__main__":
    sys.exit(main())

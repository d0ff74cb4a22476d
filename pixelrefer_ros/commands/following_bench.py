"""`pixelrefer bench --propagation`: how long following takes from frame to frame."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from itertools import product
from typing import TYPE_CHECKING

from pixelrefer_ros.commands.finding_arguments import add_sam2_argument
from pixelrefer_ros.commands.progress import progress_bar
from pixelrefer_ros.regions.propagation import PROPAGATORS

if TYPE_CHECKING:
    from pixelrefer_ros.evaluation.computer import Computer
    from pixelrefer_ros.evaluation.following_speed import FollowingSpeed

MEASURED = tuple(name for name in PROPAGATORS if name != "none")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --propagation and --sam2-path."""
    parser.add_argument(
        "--propagation",
        metavar="NAME,...",
        type=_names,
        help="in place of answers, time how objects are followed over --runs frames: flow, sam2; "
        "the latter without --sam2-path has random weights",
    )
    add_sam2_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Follow, measure, print."""
    from pixelrefer_ros.engine.device import resolve_device
    from pixelrefer_ros.evaluation.computer import Computer
    from pixelrefer_ros.evaluation.following_speed import MovingSquares, measure_following
    from pixelrefer_ros.regions.propagation import make_propagator

    device = resolve_device(arguments.device)
    scenes = [
        MovingSquares(objects, width, height)
        for (width, height), objects in product(arguments.image, arguments.regions)
    ]
    found: list[FollowingSpeed] = []
    total = len(scenes) * len(arguments.propagation)
    with _weights(arguments) as sam2_path, progress_bar("bench") as progress:
        for name in arguments.propagation:
            propagator = make_propagator(name, model=sam2_path, device=str(device))
            for scene in scenes:
                progress(len(found), total)
                found.append(
                    measure_following(propagator, name, scene, steps=arguments.runs, device=device)
                )
        progress(total, total)
    computer = Computer.of_device(device)
    if arguments.json:
        rows = [asdict(row) for row in found]
        sys.stdout.write(json.dumps({"machine": asdict(computer), "rows": rows}, indent=2) + "\n")
    else:
        _print_table(computer, found)
    return 0


@contextmanager
def _weights(arguments: argparse.Namespace) -> Iterator[str]:
    from pixelrefer_ros.evaluation.following_speed import sam2_of_random_weights

    if "sam2" not in arguments.propagation or arguments.sam2_path:
        yield arguments.sam2_path
        return
    with sam2_of_random_weights() as folder:
        yield folder


def _print_table(computer: Computer, found: Sequence[FollowingSpeed]) -> None:
    from rich.box import MARKDOWN
    from rich.table import Table

    from pixelrefer_ros.report import make_console

    table = Table(box=MARKDOWN)
    for heading in (
        "propagator", "image", "objects", "start ms", "step ms", "95 % ms", "times the first",
        "peak MB", "growth MB", "seen %",
    ):  # fmt: skip
        table.add_column(heading, justify="right", no_wrap=True)
    for row in found:
        table.add_row(
            *(row.propagator, row.image, str(row.objects)),
            *(f"{1000 * seconds:.1f}" for seconds in (row.start_s, row.median_s, row.p95_s)),
            f"{row.median_s / found[0].median_s:.2f}",
            *(f"{count / 1e6:.0f}" for count in (row.peak_bytes, row.growth_bytes)),
            f"{100 * row.seen:.0f}",
        )
    console = make_console()
    console.print(
        f"{computer.processor}, {computer.cores} cores, {computer.threads} threads of torch, "
        f"on {computer.device}; {found[0].steps} steps each",
        markup=False,
    )
    console.print(table)


def _names(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(text.split(",")))
    for name in names:
        if name not in MEASURED:
            raise argparse.ArgumentTypeError(f"'{name}' is none of {', '.join(MEASURED)}")
    return names

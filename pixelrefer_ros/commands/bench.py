"""`pixelrefer bench`: how fast a model answers on this computer."""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict
from typing import Any

from pixelrefer_ros.commands.argument_types import positive_count
from pixelrefer_ros.commands.model_arguments import add_model_arguments
from pixelrefer_ros.resources import find_model

DESCRIPTION = """\
Measure how long a model takes on this computer: to load, for a question about one region, and for
one about each of eight regions in one call.

Every answer has exactly 8 new tokens. A call is timed from `describe` to the answers in hand, on a
picture of 640 x 480 pixels with regions of 96 x 96; the first calls do not count. OMP_NUM_THREADS
sets the threads. Other busy programs slow everything down: measure on a quiet computer.
"""

EXAMPLES = """\
examples:
  pixelrefer bench
  OMP_NUM_THREADS=2 pixelrefer bench --model models/random-tiny --runs 50
  pixelrefer bench --device cuda --dtype bfloat16 --json
"""

REGIONS = (1, 8)


def add_parser(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
) -> argparse.ArgumentParser:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "bench",
        help="measure how fast a model loads and answers; needs no ROS",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_model_arguments(parser)
    parser.add_argument(
        "--runs",
        metavar="N",
        type=positive_count,
        default=20,
        help="calls that are timed, default 20",
    )
    parser.add_argument("--json", action="store_true", help="print a JSON object, not a table")
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Load, ask, print the times."""
    folder = find_model(arguments.model)
    started = time.perf_counter()
    from pixelrefer_ros.engine.describer import Describer
    from pixelrefer_ros.evaluation import speed
    from pixelrefer_ros.evaluation.computer import Computer, peak_memory_mb

    imported = time.perf_counter()
    with Describer.from_pretrained(
        folder, device=arguments.device, dtype=arguments.dtype
    ) as describer:
        loaded = time.perf_counter()
        calls = [
            speed.measure_call(describer, regions=regions, runs=arguments.runs)
            for regions in REGIONS
        ]
        network = describer.model.language_model
        found = {
            "model": describer.model.model_id,
            **asdict(Computer.of_device(network.device)),
            "dtype": str(network.dtype).removeprefix("torch."),
            "new_tokens": speed.NEW_TOKENS,
            "import_s": imported - started,
            "load_s": loaded - imported,
            "peak_memory_mb": peak_memory_mb(),
            "calls": [asdict(call) for call in calls],
        }
    if arguments.json:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
    else:
        _print_table(found)
    return 0


def _print_table(found: dict[str, Any]) -> None:
    from rich.table import Table
    from rich.text import Text

    from pixelrefer_ros.report import make_console, noise_notice

    stages = [name.removesuffix("_s") for name in found["calls"][0]["stages"]]
    table = Table()
    for heading in ("regions\nin a call", "median\nms", "95 %\nms", *(f"{s}\nms" for s in stages)):
        table.add_column(heading, justify="right", no_wrap=True)
    for call in found["calls"]:
        times = (call["median_s"], call["p95_s"], *call["stages"].values())
        table.add_row(str(call["regions"]), *(f"{1000 * seconds:.1f}" for seconds in times))
    console = make_console()
    console.print(
        f"{found['model']}, {found['dtype']} on {found['device']}: {found['processor']}, "
        f"{found['cores']} cores, {found['threads']} threads, torch {found['torch_version']}, "
        f"Python {found['python_version']}"
    )
    console.print(
        f"loaded in {found['load_s']:.2f} s, after imports of {found['import_s']:.1f} s; "
        f"at most {found['peak_memory_mb']:.0f} MB of memory"
    )
    console.print(table)
    console.print(
        f"{found['calls'][0]['runs']} calls each, {found['new_tokens']} new tokens for each region"
    )
    if notice := noise_notice(found["model"]):
        console.print(Text(notice, style="yellow"))

"""`pixelrefer bench`: how fast a model answers on this computer, and what it makes of it."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from pixelrefer_ros.commands import following_bench
from pixelrefer_ros.commands.argument_types import (
    image_sizes,
    positive_count,
    positive_counts,
    refuse,
)
from pixelrefer_ros.commands.model_arguments import add_model_arguments
from pixelrefer_ros.commands.progress import progress_bar
from pixelrefer_ros.errors import CommandError
from pixelrefer_ros.resources import find_model

if TYPE_CHECKING:
    from pixelrefer_ros.engine.describer import Describer

DESCRIPTION = """\
Measure how long a model takes on this computer: to load, and to answer about every number of
regions, on every number of frames, of every size of image.

A call is timed from the question to the answers in hand; each answer has exactly --tokens new
tokens. A straightforward implementation answers the same question after each call, with the same
weights, not quantised: three separate passes of the vision encoder, one region at a time, a plain
loop. What the machine can do at most, its products of matrices and its copies, is measured, too.
docs/performance.md tells what each figure is.

With --propagation objects are followed over frames instead, and a step to the next frame is timed.

OMP_NUM_THREADS sets the threads. Other busy programs slow everything down: measure on a quiet
computer.
"""

EXAMPLES = """\
examples:
  pixelrefer bench
  OMP_NUM_THREADS=2 pixelrefer bench --model models/random-tiny --regions 1,8 --tokens 8 --runs 50
  pixelrefer bench --regions 1 --frames 1,4,20 --image 640x480,1920x1080 --chart frames.png
  pixelrefer bench --random-weights lite-2b --device cuda --dtype bfloat16 --json
  pixelrefer bench --random-weights lite-2b --device cuda --dtype bfloat16 --paper
  pixelrefer bench --propagation flow,sam2 --regions 1 --image 640x480,1920x1080 --runs 30
"""

REGIONS = (1, 2, 4, 8, 16)
FRAMES = (1,)
TOKENS = 32
RANDOM_WEIGHTS = ("lite-2b", "lite-7b", "2b", "7b", "tabletop")


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
    parser.set_defaults(dtype="", quantization="")  # so that following knows what was given
    parser.add_argument(
        "--random-weights",
        metavar="SIZE",
        choices=RANDOM_WEIGHTS,
        help=f"in place of --model, random weights of the size of {', '.join(RANDOM_WEIGHTS)}",
    )
    for option, meaning in (
        ("--regions", "regions of a call, default 1,2,4,8,16"),
        ("--frames", "frames on which each region lies, default 1"),
    ):
        parser.add_argument(option, metavar="N,...", type=positive_counts, help=meaning)
    parser.add_argument(
        "--image",
        metavar="WxH,...",
        type=image_sizes,
        default=((640, 480),),
        help="sizes of the frames in pixels, default 640x480",
    )
    for option, count, meaning in (
        ("--tokens", None, "new tokens of each answer, default 32"),
        ("--runs", 10, "calls of each kind that are timed, default 10"),
    ):
        parser.add_argument(option, metavar="N", type=positive_count, default=count, help=meaning)
    parser.add_argument(
        "--paper",
        action="store_true",
        help="one region on 1 and on 20 frames, in the layout of the paper's tables of efficiency "
        "and beside its figures; goes with the defaults of --regions and --frames",
    )
    parser.add_argument("--json", action="store_true", help="print a JSON object, not tables")
    parser.add_argument(
        "--chart", metavar="FILE.png", type=Path, help="draw time against regions and frames"
    )
    following_bench.add_arguments(parser)
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Load, measure, print, draw."""
    if arguments.model and arguments.random_weights:
        raise CommandError("--model and --random-weights exclude each other, give one of them")
    if arguments.paper and (arguments.regions or arguments.frames):
        raise CommandError("--paper has its own --regions and --frames, leave these out")
    if arguments.chart is not None:
        _check_chart(arguments.chart)
    all_regions: Sequence[int] = arguments.regions or REGIONS
    if arguments.propagation is not None:
        of_answers = ("model", "random_weights", "dtype", "quantization", "frames", "tokens")
        refuse(arguments, "--propagation", *of_answers, "paper", "chart")
        return following_bench.run(arguments, all_regions)
    refuse(arguments, "answers, only with --propagation", "sam2_path")
    started = time.perf_counter()
    from pixelrefer_ros.commands.efficiency_tables import print_efficiency_tables
    from pixelrefer_ros.commands.speed_tables import print_tables
    from pixelrefer_ros.evaluation.computer import Computer
    from pixelrefer_ros.evaluation.machine_limits import measure_limits
    from pixelrefer_ros.evaluation.paper_efficiency import IMAGE_FRAMES, VIDEO_FRAMES
    from pixelrefer_ros.evaluation.plain_model import load_plain_model
    from pixelrefer_ros.evaluation.speed import SpeedTest
    from pixelrefer_ros.evaluation.speed_chart import draw_chart
    from pixelrefer_ros.evaluation.worker_thread import compute_on_worker
    from pixelrefer_ros.evaluation.workload import Workload

    all_frames: Sequence[int] = arguments.frames or FRAMES
    if arguments.paper:
        all_regions, all_frames = (1,), (IMAGE_FRAMES, VIDEO_FRAMES)
    tokens = arguments.tokens or TOKENS
    workloads = [
        Workload(regions=regions, frames=frames, tokens=tokens, width=w, height=h)
        for w, h in arguments.image
        for frames in all_frames
        for regions in all_regions
    ]
    imported = time.perf_counter()
    max_regions = max(all_regions) * max(all_frames)
    with _load(arguments, max_regions) as describer, progress_bar("bench") as progress:
        loaded = time.perf_counter()
        network = describer.model.language_model
        limits = compute_on_worker(describer, lambda: measure_limits(network.device, network.dtype))
        plain = None
        if describer.model.quantization != "none":
            plain = load_plain_model(
                arguments.random_weights or find_model(arguments.model),
                is_drawn=bool(arguments.random_weights),
                device=arguments.device,
                dtype=arguments.dtype or "auto",
            )
        test = SpeedTest(describer, limits, plain)
        calls = []
        for done, workload in enumerate(workloads):
            progress(done, len(workloads))
            calls.append(test.measure(workload, runs=arguments.runs))
        progress(len(workloads), len(workloads))
        machine = {**asdict(Computer.of_device(network.device)), **asdict(limits)}
        found = {
            "machine": machine,
            "import_s": imported - started,
            "load_s": loaded - imported,
            "rows": [asdict(call) for call in calls],
        }
    if arguments.json:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
    elif arguments.paper:
        print_efficiency_tables(machine, calls)
    else:
        print_tables(found, calls)
    if arguments.chart is not None:
        try:
            draw_chart(calls, arguments.chart)
        except OSError as error:
            raise CommandError(f"--chart {arguments.chart}: cannot be written: {error}") from error
    return 0


def _load(arguments: argparse.Namespace, max_regions: int) -> Describer:
    from pixelrefer_ros.engine.describer import Describer
    from pixelrefer_ros.evaluation.random_describer import make_random_describer

    where = {
        "device": arguments.device,
        "dtype": arguments.dtype or "auto",
        "quantization": arguments.quantization or "none",
    }
    if arguments.random_weights:
        return make_random_describer(arguments.random_weights, **where, max_regions=max_regions)
    return Describer.from_pretrained(find_model(arguments.model), **where, max_regions=max_regions)


def _check_chart(path: Path) -> None:
    """Find out what would be a pity to find out after the measuring."""
    if path.suffix != ".png" or not path.parent.is_dir():
        raise CommandError(f"--chart is '{path}', must be a .png file in a folder that exists")
    if find_spec("matplotlib") is None:
        raise CommandError("--chart needs matplotlib, which is not installed")

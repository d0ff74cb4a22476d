"""`pixelrefer evaluate`: how often a model is right on a simulated data set or a benchmark."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pixelrefer_ros.commands import benchmark_run
from pixelrefer_ros.commands.argument_types import positive_count, refuse
from pixelrefer_ros.commands.finding_arguments import add_sam2_argument
from pixelrefer_ros.commands.model_arguments import add_model_arguments
from pixelrefer_ros.commands.progress import progress_bar
from pixelrefer_ros.errors import CommandError
from pixelrefer_ros.evaluation.judging import FURTHER_TASKS, TASKS
from pixelrefer_ros.regions.propagation import PROPAGATORS
from pixelrefer_ros.resources import find_model

if TYPE_CHECKING:
    from pixelrefer_ros.evaluation.propagation import Following
    from pixelrefer_ros.evaluation.scores import Evaluation

DESCRIPTION = f"""\
Ask a model the questions of a data set that `pixelrefer simulate` wrote, and count how often the
answer is right, also for small regions by themselves. A record of no use is named and left out.

Asked are {", ".join(TASKS)};
on demand also
{", ".join(FURTHER_TASKS)}.

With --propagation nothing is asked: the masks of the clips are carried from the first frame on, and
from the last one back, and compared with the true ones.
With --benchmark it asks the questions of a published benchmark, or of TableRefer, the simulator's
own, in the official words, and computes the metrics of the paper: docs/benchmarks.md.
"""

EXAMPLES = """\
examples:
  pixelrefer simulate --out data/test --scenes 100 --clips 50 --seed 900000
  pixelrefer evaluate --data data/test
  pixelrefer evaluate --data data/test --model out/tabletop_stage2/model --json
  pixelrefer evaluate --data data/test --quantization int8_dynamic
  pixelrefer evaluate --data data/test --tasks colour,state --limit 50
  pixelrefer evaluate --data data/test --propagation flow --json
  pixelrefer evaluate --benchmark tablerefer
  pixelrefer evaluate --benchmark lvis --annotations lvis_val_1k_category.json --images coco
"""


def add_parser(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
) -> argparse.ArgumentParser:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "evaluate",
        help="count the right answers on a simulated data set or a benchmark; needs no ROS",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--data", metavar="DIR", type=Path, help="folder with annotations.json")
    add_model_arguments(parser)
    parser.add_argument(
        "--tasks",
        metavar="TASK,...",
        type=_tasks,
        help="what to ask about --data, separated by commas; default: all but those on demand",
    )
    parser.add_argument(
        "--limit",
        metavar="N",
        type=positive_count,
        help="questions of each task, drawn from the whole data set, or clips; default: all",
    )
    parser.add_argument(
        "--propagation",
        choices=PROPAGATORS,
        help="measure how well this carries masks through the clips, instead of asking",
    )
    add_sam2_argument(parser)
    parser.add_argument("--json", action="store_true", help="print a JSON object, not a table")
    benchmark_run.add_arguments(parser)
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Ask everything, print the shares of right answers."""
    if (arguments.data is None) == (arguments.benchmark is None):
        raise CommandError("give either --data or --benchmark")
    if arguments.benchmark is not None:
        refuse(arguments, "--benchmark", "tasks", "propagation", "sam2_path")
        return benchmark_run.run(arguments)
    refuse(arguments, "--data", *benchmark_run.OPTIONS)
    if arguments.propagation is not None:
        refuse(arguments, "--propagation", "tasks")
        return _measure_propagation(arguments)
    refuse(arguments, "--data without --propagation", "sam2_path")
    tasks = arguments.tasks or TASKS
    from pixelrefer_ros.engine.describer import Describer  # torch: a second or two
    from pixelrefer_ros.evaluation.accuracy import evaluate

    with (
        Describer.from_pretrained(
            find_model(arguments.model),
            device=arguments.device,
            dtype=arguments.dtype,
            quantization=arguments.quantization,
        ) as describer,
        progress_bar("evaluate") as progress,
    ):
        found = evaluate(
            describer,
            arguments.data,
            limit=arguments.limit,
            tasks=tasks,
            progress=progress,
        )
    if arguments.json:
        sys.stdout.write(json.dumps(found.to_dict(), indent=2, ensure_ascii=False) + "\n")
    else:
        _print_table(found, tasks)
    return 0


def _measure_propagation(arguments: argparse.Namespace) -> int:
    from pixelrefer_ros.evaluation.propagation import measure_propagation
    from pixelrefer_ros.regions.propagation import make_propagator

    propagator = make_propagator(
        arguments.propagation, model=arguments.sam2_path, device=arguments.device
    )
    with progress_bar("evaluate") as progress:
        found = measure_propagation(
            propagator, arguments.data, limit=arguments.limit, progress=progress
        )
    if arguments.json:
        rows = {motion: following.to_dict() for motion, following in found.items()}
        sys.stdout.write(json.dumps({"propagation": rows}, indent=2) + "\n")
    else:
        _print_following(found)
    return 0


def _print_following(found: dict[str, Following]) -> None:
    from rich.table import Table

    from pixelrefer_ros.report import make_console

    table = Table()
    table.add_column("motion")
    for heading in ("mean IoU", "frames", "lost where hidden", "frames"):
        table.add_column(heading, justify="right")
    for motion, following in found.items():
        row = following.to_dict()
        shares = [
            "-" if row[name] is None else f"{row[name]:.3f}" for name in ("mean_iou", "hidden_lost")
        ]
        table.add_row(motion, shares[0], str(row["n"]), shares[1], str(row["hidden"]))
    make_console().print(table)


def _print_table(found: Evaluation, tasks: tuple[str, ...]) -> None:
    from rich.table import Table
    from rich.text import Text

    from pixelrefer_ros.report import make_console, noise_notice, printable

    values = found.to_dict()
    table = Table()
    table.add_column("task")
    for heading in ("right", "of", "right,\nsmall", "of"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("most frequent mistakes: expected, said", overflow="fold")
    for task in tasks:
        everything, small = values[task], values["small_regions"][task]
        mistakes = "; ".join(
            f"{mistake['expected']}, {mistake['said']} ({mistake['count']})"
            for mistake in values["mistakes"][task]
        )
        table.add_row(task, *_cells(everything), *_cells(small), Text(printable(mistakes)))
        for answer in ("yes", "no") if task == "yes_no" else ():
            table.add_row(f"  {answer}", *_cells(everything[answer]), *_cells(small[answer]))
    console = make_console()
    console.print(table)
    console.print(
        f"{found.model}, {found.dtype}, on {found.data}: "
        f"{found.regions} regions, {found.seconds:.0f} s"
        + (f", {found.left_out} questions left out" if found.left_out else "")
    )
    if notice := noise_notice(found.model):
        console.print(Text(notice, style="yellow"))


def _cells(share: dict[str, Any]) -> tuple[str, str]:
    accuracy = "-" if share["accuracy"] is None else f"{100 * share['accuracy']:.1f} %"
    return accuracy, str(share["n"])


def _tasks(text: str) -> tuple[str, ...]:
    tasks = tuple(dict.fromkeys(text.split(",")))
    for task in tasks:
        if task not in (*TASKS, *FURTHER_TASKS):
            raise argparse.ArgumentTypeError(
                f"'{task}' is none of {', '.join((*TASKS, *FURTHER_TASKS))}"
            )
    return tasks

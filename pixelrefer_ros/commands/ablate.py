"""`pixelrefer ablate`: what each part of the network is good for."""

from __future__ import annotations

import argparse
import sys
import textwrap
from pathlib import Path

from pixelrefer_ros.commands.argument_types import positive_count
from pixelrefer_ros.commands.train import check_packages
from pixelrefer_ros.errors import CommandError, PixelReferError
from pixelrefer_ros.training.variants import VARIANTS

DESCRIPTION = f"""\
Train variants of a network that each lack something, and ask them about held-out scenes.

{textwrap.fill(f"Variants: {', '.join(VARIANTS)}.", 90)}

Every run adds a line to results.jsonl in the folder --out, and is left out when it is there
already: after a kill the same command goes on. docs/ablations.md tells what the variants are.
"""

EXAMPLES = """\
examples:
  pixelrefer ablate config/training/ablation.yaml --variant no_position --seed 1
  pixelrefer ablate config/training/ablation.yaml --variant all --seed 0,1,2
  pixelrefer ablate --tables docs/ablations.md
"""


def add_parser(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
) -> argparse.ArgumentParser:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "ablate",
        help="train and compare networks that lack a part; needs no ROS",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "config", metavar="CONFIG", type=Path, nargs="?", help="YAML file of a training"
    )
    parser.add_argument(
        "--variant",
        metavar="NAME,...",
        type=_variants,
        default=tuple(VARIANTS),
        help="what to train, separated by commas; default: all",
    )
    parser.add_argument(
        "--seed", metavar="S,...", type=_seeds, default=(0,), help="separated by commas; default: 0"
    )
    parser.add_argument(
        "--data",
        metavar="DIR",
        type=Path,
        default=Path("data/heldout_ablations"),
        help="held-out data set; default: data/heldout_ablations",
    )
    parser.add_argument(
        "--limit", metavar="N", type=positive_count, help="questions of each task; default: all"
    )
    parser.add_argument(
        "--out",
        metavar="DIR",
        type=Path,
        default=Path("out/ablations"),
        help="folder of the results; default: out/ablations",
    )
    parser.add_argument(
        "--set",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="use another value for a field of the file",
    )
    parser.add_argument("--again", action="store_true", help="run also what is there already")
    parser.add_argument(
        "--tables",
        metavar="PAGE",
        type=Path,
        help="write tables of all results into this page, after the runs if CONFIG is given",
    )
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Run what is missing; write the tables."""
    if arguments.config is None and arguments.tables is None:
        raise CommandError("give CONFIG, --tables or both")
    if arguments.config is not None:
        _run_missing(arguments)
    if arguments.tables is not None:
        from pixelrefer_ros.training.ablation_runs import read_results
        from pixelrefer_ros.training.ablation_tables import write_tables

        write_tables(read_results(arguments.out), arguments.tables)
    return 0


def _run_missing(arguments: argparse.Namespace) -> None:
    """Run one seed after the other, so that early results already compare all variants."""
    check_packages()
    from pixelrefer_ros.training.ablation_runs import Ablation, add_result, check_writable
    from pixelrefer_ros.training.configuration import read_config

    config = read_config(arguments.config, arguments.set)
    ablation = Ablation(config, arguments.data, arguments.limit)
    ablation.check_data()
    there = {(result.variant, result.seed) for result in ablation.results(arguments.out)}
    check_writable(arguments.out)
    wanted = [(variant, seed) for seed in arguments.seed for variant in arguments.variant]
    failed = 0
    for number, (variant, seed) in enumerate(wanted, 1):
        if (variant, seed) in there and not arguments.again:
            continue
        print(f"{number}/{len(wanted)}: {variant}, seed {seed}", flush=True)
        try:
            result = ablation.run(variant, seed, arguments.out)
        except PixelReferError as error:
            # The runs after it may take a night; they are not to wait for somebody to look.
            print(f"{variant}, seed {seed}: {error}", file=sys.stderr, flush=True)
            failed += 1
        else:
            add_result(arguments.out, result)
    if failed:
        raise CommandError(f"{failed} of {len(wanted)} runs failed, each is named above")


def _variants(text: str) -> tuple[str, ...]:
    if text == "all":
        return tuple(VARIANTS)
    names = tuple(dict.fromkeys(text.split(",")))
    for name in names:
        if name not in VARIANTS:
            raise argparse.ArgumentTypeError(f"'{name}' is none of all, {', '.join(VARIANTS)}")
    return names


def _seeds(text: str) -> tuple[int, ...]:
    numbers = text.split(",")
    if not all(number.isdecimal() for number in numbers):
        raise argparse.ArgumentTypeError(f"'{text}' is no list of whole numbers like 0,1,2")
    return tuple(dict.fromkeys(int(number) for number in numbers))

"""`pixelrefer train`: one stage of a training, as a YAML file describes it."""

from __future__ import annotations

import argparse
import importlib.util
from pathlib import Path

from pixelrefer_ros.errors import CommandError

DESCRIPTION = """\
Train a model on data sets in the official JSON format, as a YAML file says.

Writes into the folder `output`: checkpoints, each of them a model folder; log.csv and curves.png;
and at the end the result, `model`. A sample of no use is named, left out and counted.
"""

EXAMPLES = """\
examples:
  pixelrefer train config/training/tabletop_stage1.yaml
  pixelrefer train config/training/tabletop_stage1.yaml --resume
  pixelrefer train config/training/lite_2b_stage1.yaml --set data.workers=16 \\
      --set start.videollama3=VideoLLaMA3-2B-Image
  accelerate launch --num_processes 8 -m pixelrefer_ros.cli train stage.yaml
"""

NEEDED = ("accelerate", "yaml", "matplotlib")


def add_parser(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
) -> argparse.ArgumentParser:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "train",
        help="train a model on a data set; needs no ROS",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "config", metavar="CONFIG", type=Path, help="YAML file, see docs/training.md"
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on from the newest checkpoint in the output folder, if there is one",
    )
    parser.add_argument(
        "--set",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="use another value for a field of the file, such as rates.projector=1e-4",
    )
    return parser


def check_packages() -> None:
    """Raise `CommandError` when something is not installed that only training needs."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise CommandError(
            f"training needs the Python package '{missing[0]}'; "
            "get it with `make setup` or `pip install '.[train]'` in a checkout of pixelrefer_ros"
        )


def run(arguments: argparse.Namespace) -> int:
    """Train to the end."""
    check_packages()
    from pixelrefer_ros.training.configuration import read_config
    from pixelrefer_ros.training.trainer import Trainer

    config = read_config(arguments.config, arguments.set)
    Trainer(config, resume=arguments.resume).run()
    return 0

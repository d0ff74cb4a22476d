"""`pixelrefer inspect`: look inside the model while it answers."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pixelrefer_ros.commands.frame_arguments import add_frame_arguments, find_frames
from pixelrefer_ros.commands.model_arguments import add_length_argument, add_model_arguments
from pixelrefer_ros.errors import CommandError
from pixelrefer_ros.resources import find_model

if TYPE_CHECKING:
    from pixelrefer_ros.inspection.inspection import Inspection
    from pixelrefer_ros.inspection.object_tokens import ObjectTokens

DESCRIPTION = """\
Ask as `pixelrefer describe` does, and draw what the model did to answer: where its layers look,
which patches each object token stands for, where these look, how alike they are.

Writes into the folder --out: attention_1.png for each question; object_1.png and similarity_1.png
for each region; inspect.json with the numbers drawn. docs/inspection.md tells how to read them.
"""

EXAMPLES = """\
examples:
  pixelrefer inspect photo.jpg --box 120,80,64,48 --prompt "What is this?" --out inspected
  pixelrefer inspect photo.jpg --box 120,80,64,48 --mask cup.png \\
      --prompt "Is <region> left of <region>?" --out inspected
  pixelrefer inspect --bag recording --stamp 1700000000.25 --polygon "10,10 90,10 50,80" \\
      --model PixelRefer-2B --out inspected
"""


def add_parser(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
) -> argparse.ArgumentParser:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "inspect",
        help="draw where the model looks and what its object tokens are; needs no ROS",
        usage="%(prog)s (IMAGE ... | --bag BAG) REGION ... --out DIR [OPTION ...]",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_frame_arguments(parser)
    parser.add_argument("--prompt", default="", help="the question; default: describe in detail")
    add_model_arguments(parser)
    add_length_argument(parser)
    parser.add_argument(
        "--out", metavar="DIR", type=Path, required=True, help="folder to write into"
    )
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Ask, look, draw, and say in short what was seen."""
    frames, regions = find_frames(arguments)
    from pixelrefer_ros.engine.loading import load_model  # torch: a second or two
    from pixelrefer_ros.engine.optional_packages import require
    from pixelrefer_ros.engine.query import Query
    from pixelrefer_ros.inspection.inspection import inspect
    from pixelrefer_ros.inspection.output import make_folder, write_inspections

    require("matplotlib", "inspect", CommandError, user="pixelrefer inspect")
    make_folder(arguments.out)
    model = load_model(
        find_model(arguments.model),
        device=arguments.device,
        dtype=arguments.dtype,
        quantization=arguments.quantization,
    )
    query = Query(frames, regions, arguments.prompt)
    inspections = inspect(model, query, max_new_tokens=arguments.max_new_tokens)
    files = write_inspections(inspections, model, arguments.out)
    _summarise(inspections, model.model_id)
    for file in files:
        print(file)
    return 0


def _summarise(inspections: Sequence[Inspection], model_id: str) -> None:
    from pixelrefer_ros.report import noise_notice, printable

    notice = noise_notice(model_id)
    if notice:
        print(notice)
    for inspection in inspections:
        attention = inspection.attention
        question = printable(" ".join(inspection.text.split()))
        print(f"{question} -> {printable(inspection.answer)}")
        shares = {"object tokens": attention.objects_by_layer.sum(1).mean()}
        if attention.image_tokens:
            shares["image tokens"] = attention.image_by_layer.mean()
        shares["text"] = attention.text_by_layer.mean()
        words = ", ".join(f"{100 * share:.0f} % to {name}" for name, share in shares.items())
        print(f"  attention, mean of the layers: {words}")
        for name, tokens in zip(inspection.names, inspection.objects, strict=True):
            print(f"  {printable(name)}: {_describe(tokens)}")


def _describe(tokens: ObjectTokens) -> str:
    before, after = (
        "-" if similarity.mean is None else f"{similarity.mean:.2f}"
        for similarity in (tokens.before, tokens.after)
    )
    return (
        f"{len(tokens.cells)} patches in {tokens.count} object tokens, "
        f"mean cosine {before} before, {after} after"
    )

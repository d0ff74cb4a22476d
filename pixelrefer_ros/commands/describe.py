"""`pixelrefer describe`: ask about images, a folder of frames or a bag, without ROS."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pixelrefer_ros.commands.encoder_arguments import add_encoder_arguments
from pixelrefer_ros.commands.frame_arguments import add_frame_arguments, find_frames
from pixelrefer_ros.commands.model_arguments import add_length_argument, add_model_arguments
from pixelrefer_ros.errors import CommandError
from pixelrefer_ros.resources import find_model

if TYPE_CHECKING:
    from pixelrefer_ros.regions.reference import Region
    from pixelrefer_ros.report import Entry
    from pixelrefer_ros.streams.frame import Frame

DESCRIPTION = """\
Ask about regions of images, of a folder of frames, or of a bag. Needs no ROS.

The model sees the frames that regions point at, and no others. An object with regions on
several frames (the same --object-id) is asked about as in a video.
"""

EXAMPLES = """\
examples:
  pixelrefer describe photo.jpg --box 120,80,64,48 --prompt "What is this?"
  pixelrefer describe photo.jpg --box 120,80,64,48 --mask cup.png \\
      --prompt "Is <region> left of <region>?"
  pixelrefer describe frames/ --box 120,80,64,48 --frame 0 --box 140,82,64,48 --frame 12 \\
      --object-id cup --prompt "Where does it go?"
  pixelrefer describe photo.jpg --point 152,104 --prompt "What is this?"
  pixelrefer describe --bag recording --topic /camera/image_raw --stamp 1700000000.25 \\
      --polygon "10,10 90,10 50,80" --json
"""

PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png")


def add_parser(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
) -> argparse.ArgumentParser:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "describe",
        help="ask about images, a folder of frames or a bag; needs no ROS",
        usage="%(prog)s (IMAGE ... | --bag BAG) REGION ... [--prompt PROMPT] [OPTION ...]",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_frame_arguments(parser)
    parser.add_argument("--prompt", default="", help="the question; default: describe in detail")
    add_model_arguments(parser)
    parser.add_argument(
        "--download",
        action="store_true",
        help="fetch the hub id, which must end in @COMMIT, and print its checksums",
    )
    add_encoder_arguments(parser)
    add_length_argument(parser)
    parser.add_argument("--json", action="store_true", help="print a JSON list, not a table")
    parser.add_argument(
        "--save",
        metavar="PICTURE",
        type=_picture,
        help="write the last frame pointed at, with regions and answers",
    )
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Ask, print the answers, save the picture."""
    frames, regions = find_frames(arguments)
    from pixelrefer_ros.engine.describer import Describer  # torch: a second or two
    from pixelrefer_ros.report import Entry, print_table, to_json

    model = find_model(arguments.model)
    with Describer.from_pretrained(
        _fetch(model) if arguments.download else model,
        device=arguments.device,
        dtype=arguments.dtype,
        quantization=arguments.quantization,
        max_regions=len(regions),
        encoder_backend=arguments.encoder_backend,
        encoder_path=arguments.encoder_path,
    ) as describer:
        answers = describer.describe(
            frames, regions, arguments.prompt, max_new_tokens=arguments.max_new_tokens
        )
    entries = [Entry.of_answer(answer, arguments.prompt) for answer in answers]
    if arguments.json:
        sys.stdout.write(to_json(entries))
    else:
        print_table(entries)
    if arguments.save is not None:
        _save(arguments.save, frames, regions, entries)
    return 0


def _fetch(model: str) -> str:
    """Fetch a model, say exactly what came, and return its name with the commit."""
    from pixelrefer_ros.engine.downloading import fetch_model

    fetched = fetch_model(model)
    print(f"model {fetched.name}", file=sys.stderr)
    for name, checksum in fetched.checksums.items():
        print(f"sha256 {checksum} {name}", file=sys.stderr)
    return fetched.name


def _save(
    path: Path, frames: Sequence[Frame], regions: Sequence[Region], entries: Sequence[Entry]
) -> None:
    from PIL import Image

    from pixelrefer_ros.regions.drawing import draw_regions
    from pixelrefer_ros.report import caption

    last = max(frames, key=lambda frame: frame.stamp_ns)
    drawn = [region for region in regions if frames[region.frame] is last]
    picture = draw_regions(
        last.rgb(),
        [region.to_mask(*last.size) for region in drawn],
        [region.object_id for region in drawn],
        caption=caption(entries),
    )
    try:
        Image.fromarray(picture).save(path)
    except OSError as error:
        raise CommandError(f"--save {path}: {error.strerror}") from error


def _picture(text: str) -> Path:
    path = Path(text)
    if path.suffix.lower() not in PICTURE_SUFFIXES:
        raise argparse.ArgumentTypeError(f"'{text}' must end in {', '.join(PICTURE_SUFFIXES)}")
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder '{path.parent}'")
    return path

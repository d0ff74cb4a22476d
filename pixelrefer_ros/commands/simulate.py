"""`pixelrefer simulate`: write pictures and clips of table tops, with questions and answers."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pixelrefer_ros.commands.argument_types import positive_count, positive_number
from pixelrefer_ros.commands.progress import progress_bar
from pixelrefer_ros.errors import CommandError

if TYPE_CHECKING:
    from pixelrefer_ros.streams.frame import Frame

DESCRIPTION = """\
Render table tops with household objects, and write what is true of them as questions and answers.

The data set has the JSON form of the official training data: docs/simulation.md describes it.
Started again, the command goes on where it was stopped. The same seed gives the same data set,
with any number of processes.
"""

EXAMPLES = """\
examples:
  pixelrefer simulate --out data/train --scenes 5000 --clips 500 --seed 1 --workers 4
  pixelrefer simulate --out data/at_10_hz --scenes 0 --clips 40 --clip-seconds 0.7
  pixelrefer simulate --bag table_top --seed 7
"""

MIN_CLIP_SECONDS, MAX_CLIP_SECONDS = 0.1, 60.0
BAG_SECONDS, BAG_RATE = 5.0, 8
BAG_TOPIC = "/camera/image_raw/compressed"
BAG_START_NS = 1_700_000_000 * 10**9


def add_parser(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
) -> argparse.ArgumentParser:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "simulate",
        help="write simulated pictures and clips with questions and answers",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--out", metavar="DIR", type=Path, help="folder of the data set")
    parser.add_argument(
        "--scenes", metavar="N", type=_count, default=100, help="still pictures, default 100"
    )
    parser.add_argument(
        "--clips", metavar="M", type=_count, default=0, help="clips of 8 frames, default 0"
    )
    parser.add_argument(
        "--clip-seconds",
        metavar="S",
        type=_clip_seconds,
        help="time from the first to the last frame of each clip, default 1 to 2 s, drawn",
    )
    parser.add_argument("--seed", metavar="S", type=_count, default=0, help="default 0")
    parser.add_argument(
        "--workers", metavar="W", type=positive_count, default=1, help="processes, default 1"
    )
    parser.add_argument(
        "--bag",
        metavar="FOLDER",
        type=Path,
        help=f"write a bag of one clip of {BAG_SECONDS:g} s, compressed images on {BAG_TOPIC}",
    )
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Render and write, with a progress bar."""
    if arguments.out is None and arguments.bag is None:
        raise CommandError("give --out, --bag or both")
    if arguments.bag is not None and arguments.bag.exists():
        raise CommandError(f"--bag {arguments.bag}: is there already")
    if arguments.out is not None:
        _write_data_set(arguments)
    if arguments.bag is not None:
        from pixelrefer_ros.streams.bag_writer import write_bag

        try:
            write_bag(arguments.bag, ((BAG_TOPIC, frame) for frame in _film(arguments.seed)))
        except BaseException:  # also Ctrl-C: half a bag would be in the way of the next try
            shutil.rmtree(arguments.bag, ignore_errors=True)
            raise
    return 0


def _write_data_set(arguments: argparse.Namespace) -> None:
    from pixelrefer_ros.simulation.dataset import simulate

    with progress_bar("simulate") as progress:
        for done, total in simulate(
            arguments.out,
            scenes=arguments.scenes,
            clips=arguments.clips,
            seed=arguments.seed,
            workers=arguments.workers,
            clip_seconds=arguments.clip_seconds,
        ):
            progress(done, total)


def _film(seed: int) -> Iterator[Frame]:
    """Render one clip as the frames of a camera."""
    from pixelrefer_ros.simulation.clips import film
    from pixelrefer_ros.simulation.dataset import to_jpeg
    from pixelrefer_ros.streams.frame import Frame
    from pixelrefer_ros.streams.image_codec import CompressedImage

    for time, picture in film(seed, seconds=BAG_SECONDS, rate=BAG_RATE):
        yield Frame(
            camera="camera",
            stamp_ns=BAG_START_NS + round(time * 1e9),
            frame_id="camera_optical_frame",
            image=CompressedImage("rgb8; jpeg compressed bgr8", to_jpeg(picture)),
        )


def _count(text: str) -> int:
    value = int(text) if text.isdecimal() else -1
    if value < 0:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number of at least 0")
    return value


def _clip_seconds(text: str) -> float:
    seconds = positive_number(text)
    if not MIN_CLIP_SECONDS <= seconds <= MAX_CLIP_SECONDS:
        raise argparse.ArgumentTypeError(
            f"'{text}' is not {MIN_CLIP_SECONDS:g} to {MAX_CLIP_SECONDS:g} s"
        )
    return seconds

"""The options that say which frames are looked at and what is pointed at on them."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pixelrefer_ros.commands.argument_types import positive_number, stamp
from pixelrefer_ros.commands.finding_arguments import add_sam2_argument, add_segmenter_argument
from pixelrefer_ros.commands.region_arguments import add_region_arguments, check_regions, spread
from pixelrefer_ros.errors import CommandError
from pixelrefer_ros.regions.reference import Region
from pixelrefer_ros.regions.segmentation import make_segmenter, segment_regions

if TYPE_CHECKING:
    from pixelrefer_ros.streams.frame import Frame

Key = TypeVar("Key", bound=Hashable)


def add_frame_arguments(parser: argparse.ArgumentParser) -> None:
    """Add IMAGE, `--bag`, `--topic`, the regions, which frame each is on, what finds objects."""
    parser.add_argument(
        "images",
        metavar="IMAGE",
        nargs="*",
        type=Path,
        help="JPEG or PNG files, or folders of them",
    )
    parser.add_argument("--bag", help="rosbag2 folder, .mcap or .db3 file, instead of images")
    parser.add_argument("--topic", help="its image topic; default: the first one with colours")
    regions = add_region_arguments(parser)
    regions.add_argument(
        "--frame",
        metavar="INDEX",
        type=int,
        action="append",
        help="image pointed at, counted from 0; default: the first",
    )
    regions.add_argument(
        "--stamp",
        type=stamp,
        action="append",
        help="frame of the bag pointed at: header stamp in nanoseconds, or in seconds with a "
        "decimal point, within 0.02 s; default: the last frame",
    )
    parser.add_argument(
        "--rate",
        metavar="HZ",
        type=positive_number,
        default=1.0,
        help="images per second, for an object on several frames; default 1",
    )
    add_segmenter_argument(parser)
    add_sam2_argument(parser)


def find_frames(arguments: argparse.Namespace) -> tuple[list[Frame], list[Region]]:
    """Read the frames pointed at, point each region at its frame and object, and find the objects.

    Raises `CommandError`, `BagError` and what segmenters raise.
    """
    from pixelrefer_ros.commands.frame_sources import BagFrames, ImageFiles

    check_regions(arguments.regions)
    count = len(arguments.regions)
    if bool(arguments.images) == (arguments.bag is not None):
        raise CommandError("give either IMAGE files or --bag")
    if arguments.bag is None:
        _refuse(arguments, "images", "topic", "stamp")
        images = ImageFiles(arguments.images, arguments.rate)
        frames = _read_once(spread("--frame", arguments.frame or [], count, 0), images.frame)
    else:
        _refuse(arguments, "a bag", "frame")
        bag = BagFrames(arguments.bag, arguments.topic or "")
        frames = _read_once(spread("--stamp", arguments.stamp or [], count, None), bag.frame)
    distinct = list(dict.fromkeys(frames))
    object_ids = spread("--object-id", arguments.object_id, count, "")
    regions = [
        replace(region, frame=distinct.index(frame), object_id=object_id)
        for region, frame, object_id in zip(arguments.regions, frames, object_ids, strict=True)
    ]
    segmenter = make_segmenter(
        arguments.segmenter, model=arguments.sam2_path, device=arguments.device
    )
    return distinct, segment_regions(distinct, regions, segmenter)


def _read_once(keys: Sequence[Key], read: Callable[[Key], Frame]) -> list[Frame]:
    frames = {key: read(key) for key in dict.fromkeys(keys)}
    return [frames[key] for key in keys]


def _refuse(arguments: argparse.Namespace, source: str, *options: str) -> None:
    for option in options:
        if getattr(arguments, option) is not None:
            raise CommandError(f"--{option} does not go with {source}")

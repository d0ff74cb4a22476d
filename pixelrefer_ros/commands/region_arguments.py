"""The options that point at regions, the same for every command that asks."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from pixelrefer_ros.errors import CommandError, InvalidRegionError
from pixelrefer_ros.regions.parsing import load_mask, parse_box, parse_points, parse_polygon
from pixelrefer_ros.regions.reference import Region

Value = TypeVar("Value")

HELP = """\
Each of these adds a region, in the order given. --object-id and the options that choose the
frame hold for all regions when given once, else give one for each region, in the same order.
"""


def add_region_arguments(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Add `--box`, `--polygon`, `--point`, `--mask` and `--object-id`; return their group."""
    parser.set_defaults(regions=[])
    group = parser.add_argument_group("regions", HELP)

    def add(option: str, metavar: str, make_region: Callable[[str], Region], text: str) -> None:
        group.add_argument(
            option,
            metavar=metavar,
            dest="regions",
            action=_AppendRegion,
            const=make_region,
            help=text,
        )

    add("--box", "X,Y,W,H", _box, "left, top, width and height")
    add("--polygon", '"X,Y X,Y X,Y"', _polygon, "three or more points")
    add("--point", '"X,Y ..."', _points, "points inside the object, which a segmenter finds")
    add("--mask", "FILE", _mask, "PNG of the size of the image; what is not black is inside")
    group.add_argument(
        "--object-id",
        metavar="NAME",
        action="append",
        default=[],
        help="name of the object; the same name on several frames is one object over time",
    )
    return group


def spread(option: str, values: Sequence[Value], count: int, default: Value) -> list[Value]:
    """Give each of `count` regions its value of an option. Raises `CommandError`."""
    if len(values) <= 1:
        return [values[0] if values else default] * count
    if len(values) != count:
        raise CommandError(
            f"{option} is given {len(values)} times for {count} regions: give it once, or once "
            "for each region"
        )
    return list(values)


def check_regions(regions: Sequence[Region]) -> None:
    """Raise `CommandError` when there is none."""
    if not regions:
        raise CommandError("no region: give at least one --box, --polygon, --point or --mask")


def _box(text: str) -> Region:
    return Region(box=parse_box(text))


def _polygon(text: str) -> Region:
    return Region(polygon=parse_polygon(text))


def _points(text: str) -> Region:
    return Region(points=parse_points(text))


def _mask(path: str) -> Region:
    return Region(mask=load_mask(path))


class _AppendRegion(argparse.Action):
    """Adds to one list for all shapes, so that their order is kept."""

    const: Callable[[str], Region]

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        try:
            namespace.regions = [*namespace.regions, self.const(values)]
        except InvalidRegionError as error:
            parser.error(str(error))

"""Values of options, read strictly; what is wrong is said with the value."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError, Namespace

from pixelrefer_ros.errors import CommandError
from pixelrefer_ros.streams.stamps import NANOSECONDS

MAX_FRAMES = 255
MAX_TIMEOUT_S = 3600
MIN_SIDE, MAX_SIDE = 64, 16384


def refuse(arguments: Namespace, with_what: str, *options: str) -> None:
    """Raise `CommandError` for an option that is given and has no meaning `with_what`."""
    for option in options:
        if getattr(arguments, option):
            raise CommandError(f"--{option.replace('_', '-')} does not go with {with_what}")


def positive_number(text: str) -> float:
    """Read a finite number above 0."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0.0 < number < float("inf"):
        raise ArgumentTypeError(f"'{text}' is not a number above 0")
    return number


def timeout(text: str) -> float:
    """Read seconds, above 0 and at most an hour."""
    seconds = positive_number(text)
    if seconds > MAX_TIMEOUT_S:
        raise ArgumentTypeError(f"'{text}' is above {MAX_TIMEOUT_S} s")
    return seconds


def node_name(text: str) -> str:
    """Read the name of a ROS node, with or without its namespace."""
    if not re.fullmatch(r"/?[A-Za-z_]\w*(/[A-Za-z_]\w*)*", text, re.ASCII):
        raise ArgumentTypeError(f"'{text}' is no name of a node like /robot1/pixelrefer")
    return text


def positive_count(text: str) -> int:
    """Read a whole number of at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"'{text}' is not a whole number of at least 1")
    return int(text)


def frame_count(text: str) -> int:
    """Read how many frames to follow over, as many as a message can ask for."""
    count = positive_count(text)
    if count > MAX_FRAMES:
        raise ArgumentTypeError(f"'{text}' is above {MAX_FRAMES} frames")
    return count


def positive_counts(text: str) -> tuple[int, ...]:
    """Read whole numbers of at least 1, separated by commas."""
    return tuple(dict.fromkeys(positive_count(part) for part in text.split(",")))


def image_sizes(text: str) -> tuple[tuple[int, int], ...]:
    """Read sizes like 640x480, width and height in pixels, separated by commas."""
    sizes = []
    for part in text.split(","):
        found = re.fullmatch(r"([1-9]\d*)x([1-9]\d*)", part, re.ASCII)
        size = (int(found[1]), int(found[2])) if found else (0, 0)
        if not MIN_SIDE <= min(size) <= max(size) <= MAX_SIDE:
            raise ArgumentTypeError(
                f"'{part}' is no size like 640x480 with sides of {MIN_SIDE} to {MAX_SIDE} pixels"
            )
        sizes.append(size)
    return tuple(dict.fromkeys(sizes))


def stamp(text: str) -> int:
    """Read a header stamp, whole nanoseconds or seconds with a decimal point, as nanoseconds."""
    whole, point, fraction = text.partition(".")
    if not (whole.isdecimal() and (fraction.isdecimal() or not point) and len(fraction) <= 9):
        raise ArgumentTypeError(
            f"'{text}' is no stamp: whole nanoseconds, or seconds with a decimal point like 12.5"
        )
    return int(whole) * NANOSECONDS + int(fraction.ljust(9, "0")) if point else int(whole)

"""Regions as people type them, and masks in files."""

from __future__ import annotations

from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import cast

import cv2

from pixelrefer_ros.errors import InvalidRegionError, shown
from pixelrefer_ros.regions.picture_data import decode_picture
from pixelrefer_ros.regions.reference import Mask

MAX_FILE_BYTES = 1_000_000_000
_JPEG_START = b"\xff\xd8\xff"


def parse_box(text: str) -> tuple[int, int, int, int]:
    """Read a box `X,Y,W,H` in whole pixels. Raises `InvalidRegionError`."""
    try:
        x, y, width, height = (int(number) for number in text.split(","))
    except ValueError as error:
        raise InvalidRegionError(
            f"box is '{text}', needs 4 whole numbers X,Y,W,H like 120,80,64,48"
        ) from error
    return x, y, width, height


def parse_polygon(text: str) -> list[tuple[float, float]]:
    """Read points `X,Y X,Y X,Y` in pixels. Raises `InvalidRegionError`."""
    return _parse_pairs(text, "polygon", "write a polygon like '10,10 90,10 50,80'")


def parse_points(text: str) -> list[tuple[float, float]]:
    """Read points `X,Y` or `X,Y X,Y` in pixels. Raises `InvalidRegionError`."""
    return _parse_pairs(text, "points", "write points like '152,104' or '152,104 160,120'")


def _parse_pairs(text: str, field: str, advice: str) -> list[tuple[float, float]]:
    points: list[tuple[float, float]] = []
    for point in text.split():
        try:
            x, y = (float(number) for number in point.split(","))
        except ValueError as error:
            raise InvalidRegionError(
                f"{field}[{len(points)}] is '{point}', needs 2 numbers; {advice}"
            ) from error
        points.append((x, y))
    return points


def load_mask(path: str | Path) -> Mask:
    """Read a mask as bool [H, W]: True where any colour of the picture is not black.

    PNG or any other lossless format OpenCV reads; transparency is ignored. Raises
    `InvalidRegionError`.
    """
    try:
        status = Path(path).stat()
        if not (S_ISREG(status.st_mode) or S_ISDIR(status.st_mode)):
            raise ValueError("it is a device or pipe")
        if status.st_size > MAX_FILE_BYTES:
            raise ValueError(f"it has {status.st_size} bytes, at most {MAX_FILE_BYTES} are read")
        data = Path(path).read_bytes()
    except (OSError, ValueError) as error:  # ValueError: no path at all, such as one with NUL
        reason = error.strerror if isinstance(error, OSError) else error
        raise InvalidRegionError(f"mask '{shown(str(path))}' cannot be read: {reason}") from error
    if data.startswith(_JPEG_START):
        raise InvalidRegionError(
            f"mask '{shown(str(path))}' is a JPEG, which smears black pixels: save the mask as PNG"
        )
    try:
        picture = decode_picture(data, cv2.IMREAD_UNCHANGED)
    except ValueError as error:
        raise InvalidRegionError(
            f"mask '{shown(str(path))}' of {len(data)} bytes is {error}, needs PNG"
        ) from error
    colours = picture[..., None] if picture.ndim == 2 else picture[..., :3]
    return cast("Mask", colours.any(axis=-1))

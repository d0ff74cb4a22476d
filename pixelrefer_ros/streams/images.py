"""An image as a camera sends it, still packed: the fields of the two ROS image messages."""

from __future__ import annotations

import re
from array import array
from dataclasses import dataclass, field
from typing import TypeAlias, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from pixelrefer_ros.errors import UnsupportedEncodingError, shown

BytesLike: TypeAlias = "bytes | bytearray | memoryview | array[int] | NDArray[np.uint8]"

MAX_SIDE = 16384
"""Longest side accepted, pixels."""
MAX_PIXELS = 8192 * 8192
"""Most pixels accepted: decoded they take 192 MiB."""

_MEASUREMENT = re.compile(r"(8S|16[SU]|32[SF]|64F)C\d+")


@dataclass(frozen=True)
class RawImage:
    """The fields of `sensor_msgs/Image` that describe pixels. `step` is the row length in bytes."""

    height: int
    width: int
    encoding: str
    is_bigendian: bool
    step: int
    data: BytesLike = field(repr=False)


@dataclass(frozen=True)
class CompressedImage:
    """The fields of `sensor_msgs/CompressedImage` that describe pixels: JPEG or PNG data."""

    format: str
    data: BytesLike = field(repr=False)


def check_size(height: int, width: int) -> tuple[int, int]:
    """Return height and width if they are those of a picture that may be decoded.

    Raises `UnsupportedEncodingError`, before anything of that size is allocated.
    """
    for name, value in (("height", height), ("width", width)):
        if not 1 <= value <= MAX_SIDE:
            raise UnsupportedEncodingError(f"{name} is {value}, must be 1 to {MAX_SIDE} pixels")
    if height * width > MAX_PIXELS:
        raise UnsupportedEncodingError(
            f"height {height} x width {width} is {height * width} pixels, at most {MAX_PIXELS}"
        )
    return height, width


def check_colour(encoding: str) -> None:
    """Raise `UnsupportedEncodingError` if `encoding` is one of depth or other measurements."""
    if _MEASUREMENT.fullmatch(encoding):
        raise UnsupportedEncodingError(
            f"encoding '{shown(encoding)}' holds depth or other measurements, not colour: "
            "give the colour topic of the camera"
        )


def byte_view(data: BytesLike) -> NDArray[np.uint8]:
    """Return `data` as uint8 [bytes] without copying it."""
    try:
        return np.frombuffer(data, np.uint8)
    except (TypeError, ValueError, AttributeError) as error:
        raise UnsupportedEncodingError(
            f"data is of type {type(data).__name__}, contiguous bytes are needed: {error}"
        ) from error


def to_8_bits(pixels: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """Scale 0..65535 to 0..255, rounded, as cv_bridge does. `pixels` is contiguous."""
    scaled = cv2.convertScaleAbs(pixels, alpha=255 / 65535)
    return cast("NDArray[np.uint8]", scaled).reshape(pixels.shape)

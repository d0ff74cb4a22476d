"""Pixels of JPEG and PNG images, as `sensor_msgs/CompressedImage` carries them.

What the data is, its first bytes say; the `format` text only tells depth and Bayer mosaics apart.
"""

from __future__ import annotations

import struct
from typing import Any, NamedTuple, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from pixelrefer_ros.errors import UnsupportedEncodingError, shown
from pixelrefer_ros.streams.images import (
    CompressedImage,
    RawImage,
    byte_view,
    check_colour,
    check_size,
    to_8_bits,
)
from pixelrefer_ros.streams.raw_image import raw_to_rgb

_JPEG_START = b"\xff\xd8\xff"
_JPEG_END = b"\xff\xd9"
_PNG_START = b"\x89PNG\r\n\x1a\n"
_JPEG_SCAN = 0xDA
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD8)})
_PNG_CHANNELS = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}  # by colour type; a palette holds colours


class _Header(NamedTuple):
    height: int
    width: int
    channels: int
    end: int  # where in the data the header ends


def compressed_size(image: CompressedImage) -> tuple[int, int]:
    """Return height and width, read from the header alone. Raises `UnsupportedEncodingError`."""
    header = _read_header(byte_view(image.data).data, image.format)
    return check_size(header.height, header.width)


def compressed_to_rgb(image: CompressedImage) -> NDArray[np.uint8]:
    """Return the pixels as uint8 RGB [height, width, 3].

    Alpha is dropped, 16 bits become 8, and a rotation noted in EXIF is left alone, because boxes
    and camera calibration speak of the pixels as stored. Raises `UnsupportedEncodingError`.
    """
    source, _, target = image.format.partition(";")
    source = source.strip()
    check_colour(source)
    if "compressedDepth" in image.format:
        raise UnsupportedEncodingError(
            f"format '{shown(image.format)}' holds depth, not colour: "
            "give the colour topic of the camera"
        )
    data = byte_view(image.data)
    header = _read_header(data.data, image.format)
    check_size(header.height, header.width)
    _check_complete(data.tobytes(), header)
    # Older compressed_image_transport stores a Bayer mosaic as a grey picture, untouched.
    is_mosaic = (
        source.startswith("bayer_")
        and target.rpartition("compressed")[2].strip() in ("", source)
        and header.channels == 1
    )
    if is_mosaic:
        mosaic = _decode(data, header, cv2.IMREAD_GRAYSCALE)
        pattern = source.removesuffix("16").removesuffix("8")
        return raw_to_rgb(
            RawImage(header.height, header.width, f"{pattern}8", False, header.width, mosaic)
        )
    bgr = _decode(data, header, cv2.IMREAD_COLOR)
    return cast("NDArray[np.uint8]", cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB))


def _decode(data: NDArray[np.uint8], header: _Header, colour: int) -> NDArray[np.uint8]:
    flags = colour | cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        pixels = cast("NDArray[Any] | None", cv2.imdecode(data, flags))
    except cv2.error as error:
        raise UnsupportedEncodingError(f"data cannot be decoded: {error}") from error
    if pixels is None or pixels.shape[:2] != (header.height, header.width):
        raise UnsupportedEncodingError(
            f"data of {len(data)} bytes cannot be decoded as the picture of "
            f"{header.width} x {header.height} pixels that its header announces: it is damaged"
        )
    return to_8_bits(pixels) if pixels.dtype == np.uint16 else pixels


def _read_header(data: memoryview, format_text: str) -> _Header:
    try:
        if data[: len(_JPEG_START)] == _JPEG_START:
            return _read_jpeg_header(data)
        if data[: len(_PNG_START)] == _PNG_START:
            return _read_png_header(data)
    except (struct.error, IndexError) as error:
        raise UnsupportedEncodingError(
            f"data is truncated: its {len(data)} bytes end within the header"
        ) from error
    raise UnsupportedEncodingError(
        f"data of format '{shown(format_text)}' is neither JPEG nor PNG: its {len(data)} bytes "
        f"start with '{data[:8].hex(' ')}'"
    )


def _read_jpeg_header(data: memoryview) -> _Header:
    """Walk the segments up to the frame header (ITU T.81, B.2.2)."""
    position = 2
    while True:
        if data[position] != 0xFF:
            raise UnsupportedEncodingError(
                f"data is damaged: byte {position} of the JPEG header is {data[position]}, not 255"
            )
        marker = data[position + 1]
        if marker == 0xFF:  # fill byte
            position += 1
        elif marker in _JPEG_WITHOUT_LENGTH:
            position += 2
        elif marker in _JPEG_FRAMES:
            height, width, channels = struct.unpack_from(">HHB", data, position + 5)
            return _Header(height, width, channels, position)
        elif marker == _JPEG_SCAN:
            raise UnsupportedEncodingError("data is damaged: the JPEG has no frame header")
        else:
            (length,) = struct.unpack_from(">H", data, position + 2)
            position += 2 + length


def _read_png_header(data: memoryview) -> _Header:
    name, width, height, _, colour_type = struct.unpack_from(">4sIIBB", data, 12)
    if name != b"IHDR" or colour_type not in _PNG_CHANNELS:
        raise UnsupportedEncodingError("data is damaged: the PNG does not start with its header")
    return _Header(height, width, _PNG_CHANNELS[colour_type], len(_PNG_START))


def _check_complete(data: bytes, header: _Header) -> None:
    """Raise if the end of the picture is missing: some decoders fill the rest with grey."""
    if data.startswith(_JPEG_START):
        complete = data.find(_JPEG_END, header.end) >= 0
    else:
        complete = _png_has_end(data, header.end)
    if not complete:
        raise UnsupportedEncodingError(
            f"data is truncated: its {len(data)} bytes lack the end of the picture of "
            f"{header.width} x {header.height} pixels"
        )


def _png_has_end(data: bytes, position: int) -> bool:
    """Walk the chunks: length, name, content, checksum."""
    while position + 12 <= len(data):
        length, name = struct.unpack_from(">I4s", data, position)
        position += 12 + length
        if name == b"IEND":
            return position <= len(data)
    return False

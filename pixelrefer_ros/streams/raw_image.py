"""Pixels of uncompressed images, for every encoding a colour or monochrome camera uses.

Names and layouts are those of `sensor_msgs/image_encodings.hpp`; conversions give what cv_bridge
gives, so YUV is BT.601 with limited range. To add an encoding, add a row to `_ENCODINGS`.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from pixelrefer_ros.errors import UnsupportedEncodingError, shown
from pixelrefer_ros.streams.images import (
    RawImage,
    byte_view,
    check_colour,
    check_size,
    to_8_bits,
)


class _Encoding(NamedTuple):
    channels: int  # samples per pixel in a row
    bits: Literal[8, 16]  # of a sample
    conversion: int | None  # OpenCV's code to RGB, None where the pixels are RGB
    family: Literal["packed", "yuv422", "yuv420", "bayer"] = "packed"


def _bayer(bits: Literal[8, 16], conversion: int) -> _Encoding:
    return _Encoding(1, bits, conversion, "bayer")


# OpenCV names a Bayer pattern after the second and third pixel of the second row, ROS after the
# first two rows: RGGB in ROS is BG in OpenCV.
_ENCODINGS = {
    "rgb8": _Encoding(3, 8, None),
    "bgr8": _Encoding(3, 8, cv2.COLOR_BGR2RGB),
    "rgba8": _Encoding(4, 8, cv2.COLOR_RGBA2RGB),
    "bgra8": _Encoding(4, 8, cv2.COLOR_BGRA2RGB),
    "mono8": _Encoding(1, 8, cv2.COLOR_GRAY2RGB),
    "rgb16": _Encoding(3, 16, None),
    "bgr16": _Encoding(3, 16, cv2.COLOR_BGR2RGB),
    "rgba16": _Encoding(4, 16, cv2.COLOR_RGBA2RGB),
    "bgra16": _Encoding(4, 16, cv2.COLOR_BGRA2RGB),
    "mono16": _Encoding(1, 16, cv2.COLOR_GRAY2RGB),
    # The channels of these carry no names; they are OpenCV's types, so OpenCV's order is taken.
    "8UC1": _Encoding(1, 8, cv2.COLOR_GRAY2RGB),
    "8UC3": _Encoding(3, 8, cv2.COLOR_BGR2RGB),
    "8UC4": _Encoding(4, 8, cv2.COLOR_BGRA2RGB),
    "yuv422": _Encoding(2, 8, cv2.COLOR_YUV2RGB_UYVY, "yuv422"),
    "uyvy": _Encoding(2, 8, cv2.COLOR_YUV2RGB_UYVY, "yuv422"),
    "yuv422_yuy2": _Encoding(2, 8, cv2.COLOR_YUV2RGB_YUY2, "yuv422"),
    "yuyv": _Encoding(2, 8, cv2.COLOR_YUV2RGB_YUY2, "yuv422"),
    "nv12": _Encoding(1, 8, cv2.COLOR_YUV2RGB_NV12, "yuv420"),
    "nv21": _Encoding(1, 8, cv2.COLOR_YUV2RGB_NV21, "yuv420"),
    "bayer_rggb8": _bayer(8, cv2.COLOR_BayerBG2RGB),
    "bayer_bggr8": _bayer(8, cv2.COLOR_BayerRG2RGB),
    "bayer_gbrg8": _bayer(8, cv2.COLOR_BayerGR2RGB),
    "bayer_grbg8": _bayer(8, cv2.COLOR_BayerGB2RGB),
    "bayer_rggb16": _bayer(16, cv2.COLOR_BayerBG2RGB),
    "bayer_bggr16": _bayer(16, cv2.COLOR_BayerRG2RGB),
    "bayer_gbrg16": _bayer(16, cv2.COLOR_BayerGR2RGB),
    "bayer_grbg16": _bayer(16, cv2.COLOR_BayerGB2RGB),
}
_MASK_ENCODINGS = ("mono8", "8UC1")


def raw_to_rgb(image: RawImage) -> NDArray[np.uint8]:
    """Return the pixels as uint8 RGB [height, width, 3].

    Alpha is dropped and 16 bits become 8. rgb8 without row padding is a view of `image.data`.
    Raises `UnsupportedEncodingError`.
    """
    check_colour(image.encoding)
    encoding = _ENCODINGS.get(image.encoding)
    if encoding is None:
        raise UnsupportedEncodingError(
            f"encoding '{shown(image.encoding)}' is not one of {', '.join(_ENCODINGS)}"
        )
    _check_sides(image, encoding)
    pixels = _samples(image, encoding)
    if encoding.bits == 16:
        pixels = to_8_bits(pixels.astype(np.uint16, order="C"))
    if encoding.conversion is None:
        return np.ascontiguousarray(pixels)
    return cast("NDArray[np.uint8]", cv2.cvtColor(pixels, encoding.conversion))


def to_mask(image: RawImage) -> NDArray[np.bool_]:
    """Return a mono8 or 8UC1 image as bool [height, width], True where it is not zero.

    Raises `UnsupportedEncodingError`.
    """
    if image.encoding not in _MASK_ENCODINGS:
        raise UnsupportedEncodingError(
            f"mask encoding '{shown(image.encoding)}' is not one of {', '.join(_MASK_ENCODINGS)}"
        )
    check_size(image.height, image.width)
    mask: NDArray[np.bool_] = _samples(image, _ENCODINGS[image.encoding]) != 0
    return mask


def _check_sides(image: RawImage, encoding: _Encoding) -> None:
    check_size(image.height, image.width)
    if encoding.family in ("yuv422", "yuv420") and image.width % 2:
        raise UnsupportedEncodingError(
            f"width is {image.width}, must be even in {image.encoding}: two pixels share a colour"
        )
    if encoding.family == "yuv420" and image.height % 2:
        raise UnsupportedEncodingError(
            f"height is {image.height}, must be even in {image.encoding}: two rows share a colour"
        )
    if encoding.family == "bayer" and min(image.height, image.width) < 3:
        raise UnsupportedEncodingError(
            f"height {image.height} x width {image.width} is too small for {image.encoding}, "
            "each must be at least 3"
        )


def _samples(image: RawImage, encoding: _Encoding) -> NDArray[Any]:
    """View the data as [rows, width] or [rows, width, channels], without copying it.

    Rows are `image.height`, and half as many more with the colours in nv12 and nv21.
    """
    data = byte_view(image.data)
    sample_bytes = encoding.bits // 8
    row_bytes = image.width * encoding.channels * sample_bytes
    rows, step = image.height, image.step
    if encoding.family == "yuv420":
        rows, step = rows * 3 // 2, _plane_step(image, len(data))
    if step < row_bytes:
        raise UnsupportedEncodingError(
            f"step is {step}, width {image.width} in {image.encoding} needs at least {row_bytes}"
        )
    if len(data) < rows * step:
        rows_text = f"height {rows}" if rows == image.height else f"1.5 x height {image.height}"
        raise UnsupportedEncodingError(
            f"data holds {len(data)} bytes, {rows_text} x step {step} needs {rows * step}"
        )
    byte_order = ">" if image.is_bigendian else "<"
    samples: NDArray[Any] = np.ndarray(
        (rows, image.width, encoding.channels),
        np.dtype(f"{byte_order}u{sample_bytes}"),
        data,
        strides=(step, encoding.channels * sample_bytes, sample_bytes),
    )
    return samples[..., 0] if encoding.channels == 1 else samples


def _plane_step(image: RawImage, data_bytes: int) -> int:
    """Return the row length of the two planes of nv12 and nv21, in bytes.

    ROS counts luma rows as height and luma bytes as step. Some drivers (depthai) instead divide
    the size of the data by the height: their step is 1.5 times the width and their rows are not
    padded.
    """
    divided = 2 * image.step == 3 * image.width and data_bytes == image.step * image.height
    return image.width if divided else image.step

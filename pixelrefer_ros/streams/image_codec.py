"""From the image messages of cameras to RGB arrays and back.

The same code everywhere, whether or not a working cv_bridge is installed.
"""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from pixelrefer_ros.streams.compressed_image import compressed_size, compressed_to_rgb
from pixelrefer_ros.streams.images import BytesLike, CompressedImage, RawImage, check_size
from pixelrefer_ros.streams.raw_image import raw_to_rgb, to_mask

__all__ = [
    "BytesLike",
    "CompressedImage",
    "RawImage",
    "encode_jpeg",
    "from_rgb",
    "image_size",
    "to_mask",
    "to_rgb",
]


def image_size(image: RawImage | CompressedImage) -> tuple[int, int]:
    """Return height and width in pixels, from the header alone.

    Raises `UnsupportedEncodingError` for a size of zero or beyond what is decoded, or data that is
    neither JPEG nor PNG.
    """
    if isinstance(image, RawImage):
        return check_size(image.height, image.width)
    return compressed_size(image)


def to_rgb(image: RawImage | CompressedImage) -> NDArray[np.uint8]:
    """Return the pixels as uint8 RGB [height, width, 3], read-only.

    They may share memory with `image.data`. Raises `UnsupportedEncodingError` for an unknown
    encoding, for depth, and for data that is damaged or does not fit its header.
    """
    rgb = raw_to_rgb(image) if isinstance(image, RawImage) else compressed_to_rgb(image)
    rgb.flags.writeable = False
    return rgb


def from_rgb(rgb: NDArray[np.uint8], encoding: Literal["rgb8", "bgr8"] = "rgb8") -> RawImage:
    """Pack uint8 RGB [height, width, 3] as an image message. Raises `ValueError`."""
    height, width = _check_rgb(rgb)
    pixels = rgb if encoding == "rgb8" else cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
    return RawImage(height, width, encoding, False, 3 * width, pixels.tobytes())


def encode_jpeg(rgb: NDArray[np.uint8], quality: int = 90) -> CompressedImage:
    """Compress uint8 RGB [height, width, 3] at `quality` 1 to 100. Raises `ValueError`."""
    _check_rgb(rgb)
    if not 1 <= quality <= 100:
        raise ValueError(f"quality is {quality}, must be 1 to 100")
    bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
    _, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return CompressedImage("rgb8; jpeg compressed bgr8", data.tobytes())


def _check_rgb(rgb: NDArray[np.uint8]) -> tuple[int, int]:
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.size == 0:
        raise ValueError(
            f"rgb has dtype {rgb.dtype} and shape {rgb.shape}, expected uint8 [height, width, 3]"
        )
    return rgb.shape[0], rgb.shape[1]

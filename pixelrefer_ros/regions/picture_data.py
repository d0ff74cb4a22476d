"""Pictures as files hold them, decoded only after a look at their size."""

from __future__ import annotations

from io import BytesIO
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

MAX_PIXELS = 8192 * 8192
"""Most pixels of a picture in a file."""

TOO_LARGE = f"not a picture of at most {MAX_PIXELS} pixels"


def decode_picture(data: bytes, flags: int) -> NDArray[Any]:
    """Return what OpenCV reads with `flags`; raise `ValueError` saying why it cannot.

    A few bytes can announce thousands of millions of pixels, so the header is read first.
    """
    try:
        with Image.open(BytesIO(data)) as picture:
            width, height = picture.size
    except Image.DecompressionBombError as error:
        raise ValueError(TOO_LARGE) from error
    except (OSError, ValueError) as error:
        raise ValueError("not a picture") from error
    if width * height > MAX_PIXELS:
        raise ValueError(TOO_LARGE)
    try:
        pixels = cast("NDArray[Any] | None", cv2.imdecode(np.frombuffer(data, np.uint8), flags))
    except cv2.error as error:
        raise ValueError(f"not a picture: {error.err}") from error
    if pixels is None:
        raise ValueError("not a picture")
    return pixels

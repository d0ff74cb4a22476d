"""Pictures of data sets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from pixelrefer_ros.errors import DatasetError
from pixelrefer_ros.model.image_processor import Image
from pixelrefer_ros.regions.picture_data import decode_picture

ReadImage = Callable[[Path], Image]


def read_image(path: Path) -> Image:
    """Read a picture as uint8 RGB [height, width, 3]. Raises `DatasetError`."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DatasetError(f"{path}: {error.strerror}") from error
    except ValueError as error:  # a path with NUL, or with half of a pair of surrogates
        raise DatasetError(f"{str(path)!a} is no path: {error}") from error
    try:
        image = decode_picture(data, cv2.IMREAD_COLOR)
    except ValueError as error:
        raise DatasetError(f"{path}: {error}") from error
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)

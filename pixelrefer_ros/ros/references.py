"""For planners: point at what a question is about."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import Point32, Polygon
from numpy.typing import NDArray
from sensor_msgs.msg import Image, RegionOfInterest
from std_msgs.msg import Header

from pixelrefer_ros.errors import InvalidRegionError
from pixelrefer_ros.msg import RegionReference

MAX_PIXELS = 2**32 - 1
"""Largest number in a box of a message."""


def box_reference(
    x: int, y: int, width: int, height: int, *, stamp: Time | None = None, object_id: str = ""
) -> RegionReference:
    """Point at a box, pixels of the original image; no stamp means the newest frame.

    Raises `InvalidRegionError` for a number that no message can hold.
    """
    if not all(0 <= number <= MAX_PIXELS for number in (x, y, width, height)):
        raise InvalidRegionError(
            f"box is {x},{y},{width},{height}, each must be from 0 to {MAX_PIXELS} pixels"
        )
    return RegionReference(
        header=Header(stamp=stamp or Time()),
        object_id=object_id,
        roi=RegionOfInterest(x_offset=x, y_offset=y, width=width, height=height),
    )


def polygon_reference(
    points: Sequence[tuple[float, float]], *, stamp: Time | None = None, object_id: str = ""
) -> RegionReference:
    """Point at a polygon of at least 3 (x, y), pixels of the original image."""
    return RegionReference(
        header=Header(stamp=stamp or Time()),
        object_id=object_id,
        polygon=Polygon(points=[Point32(x=float(x), y=float(y)) for x, y in points]),
    )


def point_reference(
    points: Sequence[tuple[float, float]],
    *,
    box: tuple[int, int, int, int] | None = None,
    stamp: Time | None = None,
    object_id: str = "",
) -> RegionReference:
    """Point at (x, y) inside an object, with or without a box around it; needs a segmenter."""
    reference = box_reference(*(box or (0, 0, 0, 0)), stamp=stamp, object_id=object_id)
    reference.points = [Point32(x=float(x), y=float(y)) for x, y in points]
    return reference


def object_reference(object_id: str, *, stamp: Time | None = None) -> RegionReference:
    """Point at a watched object where it was last seen, or was seen at `stamp`."""
    return RegionReference(header=Header(stamp=stamp or Time()), object_id=object_id)


def mask_reference(
    mask: NDArray[np.generic], *, stamp: Time | None = None, object_id: str = ""
) -> RegionReference:
    """Point at a mask [H, W] of the size of the image; non-zero is inside."""
    height, width = mask.shape
    data = (mask != 0).astype(np.uint8) * 255
    return RegionReference(
        header=Header(stamp=stamp or Time()),
        object_id=object_id,
        mask=Image(height=height, width=width, encoding="mono8", step=width, data=data.tobytes()),
    )

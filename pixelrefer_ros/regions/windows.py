"""Rectangular cut-outs of pictures that may reach over the border."""

from __future__ import annotations

from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from pixelrefer_ros.regions.reference import Mask


class Window(NamedTuple):
    """Pixels from (left, top) to before (right, bottom), anywhere in the plane."""

    left: int
    top: int
    right: int
    bottom: int

    @classmethod
    def around(cls, mask: Mask) -> Window:
        """Return the box of a mask that is not empty."""
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        return cls(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)

    @property
    def width(self) -> int:
        """In pixels."""
        return self.right - self.left

    @property
    def height(self) -> int:
        """In pixels."""
        return self.bottom - self.top

    @property
    def middle(self) -> tuple[float, float]:
        """X and y."""
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2

    def grown(self, margin: int) -> Window:
        """Return it with a margin on all sides."""
        return Window(
            self.left - margin, self.top - margin, self.right + margin, self.bottom + margin
        )

    def moved(self, x: int, y: int) -> Window:
        """Return it elsewhere."""
        return Window(self.left + x, self.top + y, self.right + x, self.bottom + y)

    def within(self, height: int, width: int) -> Window:
        """Return the part that lies in a picture; it may be empty."""
        left, top = min(max(self.left, 0), width), min(max(self.top, 0), height)
        return Window(
            left, top, max(min(self.right, width), left), max(min(self.bottom, height), top)
        )

    def cut(self, picture: NDArray[Any], *, repeat_border: bool = False) -> NDArray[Any]:
        """Return its pixels; outside of `picture` they are 0 or repeat the border."""
        height, width = picture.shape[:2]
        inside = self.within(height, width)
        part = picture[inside.top : inside.bottom, inside.left : inside.right]
        missing = (
            inside.top - self.top,
            self.bottom - inside.bottom,
            inside.left - self.left,
            self.right - inside.right,
        )
        if not any(missing):
            return part
        if not part.size:
            return np.zeros((self.height, self.width, *picture.shape[2:]), picture.dtype)
        border = cv2.BORDER_REPLICATE if repeat_border else cv2.BORDER_CONSTANT
        return np.asarray(cv2.copyMakeBorder(part, *missing, border))

    def paste(self, part: NDArray[Any], picture: NDArray[Any]) -> None:
        """Write `part`, of its size, into `picture` where it lies in it."""
        inside = self.within(*picture.shape[:2])
        picture[inside.top : inside.bottom, inside.left : inside.right] = part[
            inside.top - self.top : inside.bottom - self.top,
            inside.left - self.left : inside.right - self.left,
        ]

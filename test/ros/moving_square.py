"""A red patterned square that goes to and fro before a patterned background."""

from __future__ import annotations

import cv2
import numpy as np

from pixelrefer_ros.streams.frame import Frame
from pixelrefer_ros.streams.image_codec import from_rgb

SECOND = 1_000_000_000
WIDTH, HEIGHT = 160, 120
SIDE = 32
TOP = 40
LEFT, RIGHT = 20, 90
SPEED = 20.0
"""Pixels in a second."""


def box_at(seconds: float) -> tuple[int, int, int, int]:
    """Return x, y, width and height of the square at a time."""
    there = RIGHT - LEFT
    way = (seconds * SPEED) % (2 * there)
    return LEFT + round(way if way < there else 2 * there - way), TOP, SIDE, SIDE


def draw(seconds: float, *, hidden: bool = False) -> np.ndarray:
    """Return the picture at a time, uint8 RGB [HEIGHT, WIDTH, 3]."""
    picture = _pattern(0, HEIGHT, WIDTH, (90, 110, 130))
    if not hidden:
        x, y, width, height = box_at(seconds)
        picture[y : y + height, x : x + width] = _pattern(1, height, width, (200, 40, 40))
    return picture


def frame_at(seconds: float, *, hidden: bool = False) -> Frame:
    """Return the picture of camera `front` at a time."""
    return Frame(
        "front", round(seconds * SECOND), "optical", from_rgb(draw(seconds, hidden=hidden))
    )


def mask_at(seconds: float) -> np.ndarray:
    """Return where the square is, bool [HEIGHT, WIDTH]."""
    mask = np.zeros((HEIGHT, WIDTH), np.bool_)
    x, y, width, height = box_at(seconds)
    mask[y : y + height, x : x + width] = True
    return mask


def overlap(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> float:
    """Return the intersection of two boxes over their union."""
    width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    height = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    common = max(width, 0) * max(height, 0)
    return common / (one[2] * one[3] + other[2] * other[3] - common)


def _pattern(seed: int, height: int, width: int, colour: tuple[int, int, int]) -> np.ndarray:
    coarse = np.random.default_rng(seed).normal(0, 30, (height // 6 + 1, width // 6 + 1, 1))
    smooth = cv2.resize(coarse.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    return np.clip(np.array(colour) + smooth[..., None], 0, 255).astype(np.uint8)

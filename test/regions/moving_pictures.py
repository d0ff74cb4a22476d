"""Textured squares on a textured ground, for what follows objects."""

from __future__ import annotations

import numpy as np

HEIGHT, WIDTH, SIDE = 120, 160, 24

_texture = np.random.default_rng(0).integers(-20, 20, (HEIGHT, WIDTH, 3))
GROUND = np.clip(np.array((150, 150, 140)) + _texture, 0, 255).astype(np.uint8)


def at(x: int, y: int) -> np.ndarray:
    """Return the mask of a square whose corner is there; it may reach out of the picture."""
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[max(y, 0) : max(y + SIDE, 0), max(x, 0) : max(x + SIDE, 0)] = True
    return mask


def picture(*squares: tuple[int, int, tuple[int, int, int]]) -> np.ndarray:
    """Draw squares (x, y, colour), the last in front."""
    image = GROUND.copy()
    for x, y, colour in squares:
        shade = np.clip(np.array(colour) + _texture, 0, 255).astype(np.uint8)
        moved = np.roll(shade, (y, x), axis=(0, 1))
        image[at(x, y)] = moved[at(x, y)]
    return image


def overlap(first: np.ndarray | None, second: np.ndarray) -> float:
    """Return intersection over union; nothing overlaps with no mask."""
    return 0.0 if first is None else float((first & second).sum() / (first | second).sum())

"""Masks for the tests of the network."""

from __future__ import annotations

import numpy as np


def rectangle(
    height: int, width: int, rows: tuple[int, int], columns: tuple[int, int]
) -> np.ndarray:
    """A mask that covers rows[0]..rows[1]-1 and columns[0]..columns[1]-1."""
    mask = np.zeros((height, width), bool)
    mask[slice(*rows), slice(*columns)] = True
    return mask

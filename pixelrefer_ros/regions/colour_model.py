"""The colours of an object and of what is around it, as histograms."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pixelrefer_ros.regions.reference import Image

Floats = NDArray[np.float32]

BINS = 16
"""Of each of the three colours."""
RARE = 1e-4
"""Added to every frequency: what was seen nowhere speaks for nothing."""
MOST_EVIDENCE = 3.0
"""Largest log ratio that the colour of one pixel may give."""


def colour_bins(image: Image) -> NDArray[np.int32]:
    """Return the bin of the colour of each pixel, [H, W]; 0 to BINS ** 3 - 1."""
    red, green, blue = cv2.split((image // (256 // BINS)).astype(np.int32))
    return np.asarray((red * BINS + green) * BINS + blue, np.int32)


def histogram(bins: NDArray[np.int32], weights: NDArray[np.floating]) -> Floats:
    """Return how often each colour occurs, [BINS ** 3], sum 1, smoothed over neighbouring bins."""
    counts = np.bincount(bins.ravel(), weights.ravel(), BINS**3).reshape(BINS, BINS, BINS)
    for axis in range(3):
        padded = np.moveaxis(np.pad(counts, [(int(k == axis),) * 2 for k in range(3)]), axis, 0)
        counts = np.moveaxis(padded[:-2] + 2 * padded[1:-1] + padded[2:], 0, axis)
    return np.asarray(counts / max(counts.sum(), 1e-9), np.float32).ravel()


def evidence(bins: NDArray[np.int32], inside: Floats, outside: Floats) -> Floats:
    """Return how much the colour of each pixel speaks for the object: a log ratio, [H, W]."""
    ratio = np.log((inside + RARE) / (outside + RARE))
    return np.asarray(np.clip(ratio, -MOST_EVIDENCE, MOST_EVIDENCE)[bins], np.float32)


def similarity(first: Floats, second: Floats) -> float:
    """Return the overlap of two histograms, 0 to 1 (Bhattacharyya's coefficient)."""
    return float(np.sqrt(first * second).sum())

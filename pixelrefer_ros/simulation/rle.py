"""Masks as COCO run lengths: compressed text, column after column."""

from __future__ import annotations

from typing import TypedDict

import numpy as np
from numpy.typing import NDArray


class RunLengths(TypedDict):
    """`size` is [height, width]; `counts` the lengths of zeros, ones, zeros, ... as text."""

    size: list[int]
    counts: str


def encode(mask: NDArray[np.bool_]) -> RunLengths:
    """Write a mask [H, W] as the text that COCO's tools read."""
    height, width = mask.shape
    values = np.concatenate([[False], mask.ravel(order="F"), [False]])
    changes = np.flatnonzero(values[1:] != values[:-1])
    ends = np.append(changes, height * width) if mask.size else changes
    counts = np.diff(ends, prepend=0).tolist()
    if len(counts) > 1 and counts[-1] == 0:
        counts.pop()
    text = []
    for index, count in enumerate(counts):
        # From the fourth on, the difference to the count before last is written.
        rest = count - counts[index - 2] if index > 2 else count
        more = True
        while more:
            bits = rest & 0x1F
            rest >>= 5
            more = rest != (-1 if bits & 0x10 else 0)
            text.append(chr(48 + bits + (0x20 if more else 0)))
    return RunLengths(size=[height, width], counts="".join(text))


def decode(runs: RunLengths) -> NDArray[np.bool_]:
    """Read what `encode`, or COCO's tools, wrote; returns the mask [H, W]."""
    counts: list[int] = []
    value = shift = 0
    for letter in runs["counts"]:
        bits = ord(letter) - 48
        value |= (bits & 0x1F) << shift
        shift += 5
        if not bits & 0x20:
            if bits & 0x10:
                value -= 1 << shift
            counts.append(value + (counts[-2] if len(counts) > 2 else 0))
            value = shift = 0
    height, width = runs["size"]
    ones = np.arange(len(counts)) % 2 == 1
    return np.repeat(ones, counts).reshape((height, width), order="F")

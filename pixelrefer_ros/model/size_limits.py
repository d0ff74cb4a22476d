"""The largest sizes a model folder may ask for, so that a wrong number cannot eat the computer.

Generous: the largest released model has a language model of 3584 channels and 28 blocks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from pixelrefer_ros.errors import CheckpointError, shown

LARGEST: Mapping[str, int] = {
    "hidden_size": 32_768,
    "intermediate_size": 262_144,
    "num_hidden_layers": 256,
    "num_attention_heads": 512,
    "num_key_value_heads": 512,
    "num_channels": 3,
    "patch_size": 64,
    "vocab_size": 2_000_000,
    "max_position_embeddings": 10_000_000,
    "tokenizer_model_max_length": 10_000_000,
    "mask_num": 1024,
    "mm_max_length": 1_000_000,
    "spatial_merge_size": 16,
    "local_view_patches": 256,
    "global_view_patches": 256,
    "min_pixels": 10_000_000,
}


def check_sizes(values: Mapping[str, Any], part: str = "") -> None:
    """Raise `CheckpointError` for a size in `values` that is no whole number or out of bounds."""
    for name, largest in LARGEST.items():
        size = values.get(name)
        if size is None:
            continue
        if not isinstance(size, int) or isinstance(size, bool) or not 1 <= size <= largest:
            raise CheckpointError(
                f"{part}{name} is {shown(repr(size))}, must be a whole number from 1 to {largest}"
            )


def read_number(values: Mapping[str, Any], name: str, default: float) -> float:
    """Return a finite number above 0. Raises `CheckpointError`."""
    value = values.get(name)
    number = default if value is None else value
    if not isinstance(number, (int, float)) or not 0 < number < math.inf:
        raise CheckpointError(f"{name} is {shown(repr(number))}, must be a number above 0")
    return float(number)


def read_channels(
    values: Mapping[str, Any], name: str, default: tuple[float, float, float]
) -> tuple[float, float, float]:
    """Return a number for each of the three colours. Raises `CheckpointError`."""
    numbers = values.get(name, default)
    if (
        not isinstance(numbers, (list, tuple))
        or len(numbers) != 3
        or not all(
            isinstance(number, (int, float)) and abs(number) < math.inf for number in numbers
        )
    ):
        raise CheckpointError(f"{name} is {shown(repr(numbers))}, must be three numbers")
    red, green, blue = map(float, numbers)
    return red, green, blue

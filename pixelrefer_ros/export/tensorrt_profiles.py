"""The sizes of batches that a TensorRT engine is made and tuned for."""

from __future__ import annotations

from typing import NamedTuple

from pixelrefer_ros.engine.encoders.buckets import SMALLEST_BUCKET, bucket_lengths
from pixelrefer_ros.model.configuration import PixelReferConfig

LARGEST_CROP = 1024
"""Patches of a large, thin object with its context; anything larger goes through singly."""


class Profile(NamedTuple):
    """Smallest, usual and largest batch, each (views, patches)."""

    name: str
    smallest: tuple[int, int]
    usual: tuple[int, int]
    largest: tuple[int, int]


def optimisation_profiles(config: PixelReferConfig) -> list[Profile]:
    """Return the profiles of a model's encoder; the first that takes a length is used for it.

    The square views of PixelRefer-Lite have one length only, for which TensorRT can choose its
    kernels; every object comes with a local view, several objects share a global one.
    """
    profiles = []
    if config.is_lite:
        local, whole = config.local_view_patches**2, config.global_view_patches**2
        profiles = [
            Profile("local", (1, local), (4, local), (16, local)),
            Profile("global", (1, whole), (1, whole), (8, whole)),
        ]
    largest = bucket_lengths(config)[-1]
    crop = min(LARGEST_CROP, largest)
    smallest, usual = min(SMALLEST_BUCKET, crop), min(256, crop)
    profiles.append(Profile("objects", (1, smallest), (4, usual), (16, crop)))
    if largest > crop:
        profiles.append(Profile("large", (1, crop), (1, min(4 * crop, largest)), (1, largest)))
    return profiles

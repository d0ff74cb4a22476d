"""Views of about the same size go through an exported encoder together, padded to one length."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pixelrefer_ros.errors import InferenceError
from pixelrefer_ros.model.configuration import PixelReferConfig

SMALLEST_BUCKET = 64


@dataclass(frozen=True)
class Batch:
    """Views that are encoded together.

    members: their indices.
    length: number of patches to which each of them is padded.
    """

    members: tuple[int, ...]
    length: int


def bucket_lengths(config: PixelReferConfig) -> tuple[int, ...]:
    """Return the numbers of patches to which views are padded, ascending.

    64, its doubles, the largest view a model can see, and the two square views of PixelRefer-Lite,
    which are thus never padded.
    """
    largest = config.patch_budget if config.is_lite else config.patch_budget * config.video_merge**2
    lengths = {largest}
    if config.is_lite:
        lengths |= {config.local_view_patches**2, config.global_view_patches**2}
    length = SMALLEST_BUCKET
    while length < largest:
        lengths.add(length)
        length *= 2
    return tuple(sorted(lengths))


def make_batches(
    sizes: Sequence[int], lengths: Sequence[int], max_batch: Callable[[int], int]
) -> list[Batch]:
    """Sort views of `sizes` patches into buckets of `lengths`, and large buckets into batches.

    max_batch: tells how many views of a length go together, at least 1.
    Raises `InferenceError` for a view that is larger than the last bucket.
    """
    buckets: dict[int, list[int]] = {}
    for index, size in enumerate(sizes):
        if size > lengths[-1]:
            raise InferenceError(
                f"a view has {size} patches, the exported encoder takes at most {lengths[-1]}"
            )
        buckets.setdefault(lengths[bisect_left(lengths, size)], []).append(index)
    return [
        Batch(tuple(members[start : start + step]), length)
        for length, members in sorted(buckets.items())
        for step in (max_batch(length),)
        for start in range(0, len(members), step)
    ]

"""How well masks are carried through the clips of a simulated data set, against its own masks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pixelrefer_ros.datasets.masks import Mask, decode_mask
from pixelrefer_ros.datasets.pictures import read_image
from pixelrefer_ros.datasets.records import DataFile, read_records
from pixelrefer_ros.errors import DatasetError
from pixelrefer_ros.regions.propagation import Propagator, TrackedMask, propagate
from pixelrefer_ros.regions.reference import Image

TASK = "motion"
"""The questions whose answer is the motion of the one object they are about."""

Progress = Callable[[int, int], None]


@dataclass
class Following:
    """How well objects of one kind of motion were followed.

    overlaps: intersection over union on each frame on which the object is seen, 0 where it was
        taken for lost.
    lost: for each frame on which it is hidden, or hardly seen, whether it was taken for lost.
    """

    overlaps: list[float] = field(default_factory=list)
    lost: list[bool] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Return the form `pixelrefer evaluate --json` prints; a mean of nothing is None."""
        return {
            "mean_iou": float(np.mean(self.overlaps)) if self.overlaps else None,
            "n": len(self.overlaps),
            "hidden_lost": float(np.mean(self.lost)) if self.lost else None,
            "hidden": len(self.lost),
        }


@dataclass(frozen=True, eq=False)
class _Object:
    motion: str
    track: dict[str, Any]

    def mask(self, frame: int, image: Image) -> Mask | None:
        """Return where it is; None where the data set says it is not seen."""
        value = self.track.get(str(frame))
        return None if value is None else decode_mask(value, *image.shape[:2])


def measure_propagation(
    propagator: Propagator,
    data: Path,
    *,
    limit: int | None = None,
    progress: Progress | None = None,
) -> dict[str, Following]:
    """Follow every object of known motion, and compare frame by frame; by kind of motion.

    Each is given where it is first seen and followed forward, and again where it is last seen and
    followed backward, all objects of a clip given on the same frame together.

    data: folder that `pixelrefer simulate` wrote, with clips. limit: at most so many clips.
    Raises `DatasetError` where there are none.
    """
    clips = list(_read_clips(data).items())[:limit]
    results: defaultdict[str, Following] = defaultdict(Following)
    for done, (frames, objects) in enumerate(clips, 1):
        images = [read_image(data / frame) for frame in frames]
        for forward in (True, False):
            by_start: defaultdict[int, list[_Object]] = defaultdict(list)
            for one in objects:
                seen = [int(number) for number in one.track]
                by_start[min(seen) if forward else max(seen)].append(one)
            for start, together in by_start.items():
                _compare(propagator, images, start, together, forward, results)
        if progress is not None:
            progress(done, len(clips))
    return dict(sorted(results.items()))


def _read_clips(data: Path) -> dict[tuple[str, ...], list[_Object]]:
    clips: dict[tuple[str, ...], list[_Object]] = {}
    file = DataFile(str(data / "annotations.json"), tasks=(TASK,))
    for record in read_records([file]).records:
        values = record.values()
        try:
            frames = tuple(str(frame) for frame in values["frames"])
            one = _Object(str(values["expected"]), dict(values["annotation"][0]))
        except (LookupError, TypeError, ValueError) as error:
            raise DatasetError(f"{record.name}: is not of a simulated clip: {error!r}") from error
        objects = clips.setdefault(frames, [])
        if one.track and all(one.track != other.track for other in objects):
            objects.append(one)
    return clips


def _compare(
    propagator: Propagator,
    images: Sequence[Image],
    start: int,
    objects: Sequence[_Object],
    forward: bool,
    results: defaultdict[str, Following],
) -> None:
    first, last = (start, len(images)) if forward else (0, start + 1)
    masks = [mask for one in objects if (mask := one.mask(start, images[start])) is not None]
    tracked = propagate(propagator, images[first:last], start - first, masks)
    for frame in range(first, last):
        if frame != start:
            for one, found in zip(objects, tracked[frame - first], strict=True):
                _add(results[one.motion], one.mask(frame, images[frame]), found)


def _add(following: Following, truth: Mask | None, found: TrackedMask) -> None:
    if truth is None:
        following.lost.append(found.mask is None)
    elif found.mask is None:
        following.overlaps.append(0.0)
    else:
        following.overlaps.append(float((truth & found.mask).sum() / (truth | found.mask).sum()))

"""From regions on some frames to the same objects on all frames, as `engine.query.Query` wants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

from pixelrefer_ros.errors import InvalidRegionError
from pixelrefer_ros.regions.propagation import Propagator, TrackedMask, propagate
from pixelrefer_ros.regions.reference import Image, Mask, Region
from pixelrefer_ros.regions.segmentation import Picture, Segmenter


@dataclass(frozen=True, eq=False)
class FollowedRegion:
    """An object on one frame: its region, as a mask, and how sure it is, 0 to 1."""

    region: Region
    score: float


def follow_regions(
    frames: Sequence[Picture],
    regions: Sequence[Region],
    *,
    segmenter: Segmenter,
    propagator: Propagator,
) -> list[FollowedRegion]:
    """Find the objects pointed at on all `frames`, which are in the order of time.

    regions: with `frame` an index into `frames`. Those with the same `object_id` are the same
        object, pointed at on several frames; one without is an object of its own and comes back
        named `region K`, K its place in `regions`, so that it is known for the same over time.
    Returns object by object in the order of `regions`, each in the order of time, without the
    frames on which it is lost. Where an object was pointed at, that is what is returned; elsewhere
    it is carried over from the nearest such frame, the earlier of two as near. Objects first
    pointed at on the same frame are followed together.
    Raises `InvalidRegionError` and `EmptyMaskError` where a region is of no use.
    """
    objects = _references(frames, regions, segmenter)
    found: dict[tuple[str, int], TrackedMask] = {}
    for start in sorted({frame for masks in objects.values() for frame in masks}):
        together = [name for name, masks in objects.items() if start in masks]
        nearest = {
            name: [k for k in range(len(frames)) if _nearest(objects[name], k) == start]
            for name in together
        }
        first = min(frames_of[0] for frames_of in nearest.values())
        last = max(frames_of[-1] for frames_of in nearest.values())
        tracked = propagate(
            propagator,
            _Pixels(frames[first : last + 1]),
            start - first,
            [objects[name][start] for name in together],
        )
        for position, name in enumerate(together):
            for frame in nearest[name]:
                found[name, frame] = tracked[frame - first][position]
    return [
        FollowedRegion(Region(frame=frame, object_id=name, mask=here.mask), here.score)
        for name in objects
        for frame in range(len(frames))
        if (here := found[name, frame]).mask is not None
    ]


def _references(
    frames: Sequence[Picture], regions: Sequence[Region], segmenter: Segmenter
) -> dict[str, dict[int, Mask]]:
    """Return the mask of each object on each frame it was pointed at."""
    objects: dict[str, dict[int, Mask]] = {}
    given = {region.object_id for region in regions}
    for index, region in enumerate(regions):
        if not 0 <= region.frame < len(frames):
            raise InvalidRegionError(
                f"regions[{index}]: frame is {region.frame}, there are {len(frames)}"
            )
        name = region.object_id or f"region {index}"
        while not region.object_id and name in given:
            name += "'"
        masks = objects.setdefault(name, {})
        if region.frame in masks:
            raise InvalidRegionError(
                f"regions[{index}]: object_id '{region.object_id}' already has a region on the "
                "same frame; at most one per object and frame"
            )
        image = frames[region.frame].rgb()
        masks[region.frame] = segmenter.segment(image, region, name=f"regions[{index}]")
    return objects


def _nearest(masks: dict[int, Mask], frame: int) -> int:
    return min(sorted(masks), key=lambda pointed_at: abs(pointed_at - frame))


class _Pixels(Sequence[Image]):
    """The pixels of frames, each decoded when it is its turn."""

    def __init__(self, frames: Sequence[Picture]) -> None:
        self._frames = frames

    def __len__(self) -> int:
        return len(self._frames)

    @overload
    def __getitem__(self, index: int) -> Image: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Image]: ...

    def __getitem__(self, index: int | slice) -> Image | Sequence[Image]:
        if isinstance(index, slice):
            return _Pixels(self._frames[index])
        return self._frames[index].rgb()

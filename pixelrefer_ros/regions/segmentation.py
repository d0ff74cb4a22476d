"""From what a user points at to the mask of the object there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from pixelrefer_ros.errors import CommandError
from pixelrefer_ros.regions.grabcut import GrabCut
from pixelrefer_ros.regions.reference import Image, Mask, Region

SEGMENTERS = ("grabcut", "sam2", "none")


class Picture(Protocol):
    """A frame; `streams.frame.Frame` is one."""

    def rgb(self) -> Image:
        """Return the pixels, uint8 RGB [height, width, 3]."""


class Segmenter(Protocol):
    """Finds the object a region points at."""

    def segment(self, image: Image, region: Region, *, name: str = "region") -> Mask:
        """Return a new mask, bool [H, W], of the object on `image`, uint8 RGB [H, W, 3].

        Masks and polygons are what they are; boxes and points are where to look. Raises
        `InvalidRegionError` and `EmptyMaskError` as `Region.to_mask` does.
        """


class AsGiven:
    """Takes a region as it is given: a box is the whole box, and points alone are refused."""

    def segment(self, image: Image, region: Region, *, name: str = "region") -> Mask:
        """Return `region.to_mask`."""
        return region.to_mask(*image.shape[:2], name=name)


def segment_regions(
    frames: Sequence[Picture], regions: Sequence[Region], segmenter: Segmenter
) -> list[Region]:
    """Return each region as the mask of the object it points at, on the same frame.

    Raises `InvalidRegionError` and `EmptyMaskError` that name the region by its place.
    """
    return [
        Region(
            frame=region.frame,
            object_id=region.object_id,
            mask=segmenter.segment(frames[region.frame].rgb(), region, name=f"regions[{index}]"),
        )
        for index, region in enumerate(regions)
    ]


def make_segmenter(name: str, *, model: str = "", device: str = "cpu") -> Segmenter:
    """Return the segmenter of that name, one of `SEGMENTERS`.

    model: folder or downloaded hub id of SAM 2, for `sam2` alone; it runs on `device` of torch.
    Raises `CommandError` for any other name, and `CheckpointError` or `DeviceError` of SAM 2.
    """
    if name == "none":
        return AsGiven()
    if name == "grabcut":
        return GrabCut()
    if name == "sam2":
        from pixelrefer_ros.regions.sam2_image import Sam2Segmenter  # torch: a second or two

        return Sam2Segmenter(model, device=device)
    raise CommandError(f"segmenter is '{name}', must be one of {', '.join(SEGMENTERS)}")

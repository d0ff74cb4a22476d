"""How much of an object's way a question tells the node."""

from __future__ import annotations

from collections.abc import Callable

from pixelrefer_ros.motion.clips import MotionQuestion
from pixelrefer_ros.regions.reference import Region, bounding_box

Pointing = Callable[[MotionQuestion], list[tuple[Region, int]]]
"""Returns regions, each with the stamp of its frame in nanoseconds."""


def masks_on_all_frames(question: MotionQuestion) -> list[tuple[Region, int]]:
    """Point at every object with its true mask wherever it is seen; nothing is left to follow."""
    return [
        (Region(object_id=str(number), mask=mask), question.clip.stamps_ns[frame])
        for number, masks in enumerate(question.objects)
        for frame, mask in masks.items()
    ]


def mask_on_one_frame(question: MotionQuestion) -> list[tuple[Region, int]]:
    """Point at every object with its true mask on the last frame it is seen on."""
    return [
        (Region(object_id=str(number), mask=masks[max(masks)]), question.clip.stamps_ns[max(masks)])
        for number, masks in enumerate(question.objects)
    ]


def box_on_one_frame(question: MotionQuestion) -> list[tuple[Region, int]]:
    """Point at every object with the box around it on the last frame it is seen on."""
    return [
        (Region(object_id=region.object_id, box=bounding_box(region.mask)), stamp_ns)
        for region, stamp_ns in mask_on_one_frame(question)
        if region.mask is not None
    ]


POINTINGS: dict[str, Pointing] = {
    pointing.__name__: pointing
    for pointing in (masks_on_all_frames, mask_on_one_frame, box_on_one_frame)
}
"""From all that is known to what a planner knows."""

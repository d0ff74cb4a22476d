"""From a query to the questions the language model is asked, one row of a batch each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pixelrefer_ros.engine.query import Image, Query
from pixelrefer_ros.errors import InvalidRegionError, shown
from pixelrefer_ros.model.preprocessing import RegionSample
from pixelrefer_ros.model.prompts import (
    DETAIL_QUESTION,
    FULL_VIDEO_DETAIL_QUESTION,
    REGION_PLACEHOLDER,
    VIDEO_DETAIL_QUESTION,
)
from pixelrefer_ros.regions.reference import Mask

Track = tuple[tuple[int, Mask], ...]
"""One object over time: (frame index, mask [height, width]) in the order of the stamps."""


@dataclass(frozen=True, eq=False)
class Question:
    """One question to the language model about one or several objects together."""

    object_ids: tuple[str, ...]
    tracks: tuple[Track, ...]
    text: str


def make_questions(query: Query, masks: Sequence[Mask], *, is_lite: bool) -> list[Question]:
    """Group the regions of `query` into objects and word the questions about them.

    `masks[k]` belongs to `query.regions[k]`; is_lite: PixelRefer-Lite is asked.
    Raises `InvalidRegionError` when one object has two regions on the same frame.
    """
    ids, tracks = _group_objects(query, masks)
    if REGION_PLACEHOLDER in query.prompt:
        return [Question(tuple(ids), tuple(tracks), query.prompt)]
    return [
        Question((object_id,), (track,), _about_one(query.prompt, len(track) > 1, is_lite))
        for object_id, track in zip(ids, tracks, strict=True)
    ]


def make_sample(
    question: Question, images: Sequence[Image], stamps_ns: Sequence[int]
) -> RegionSample:
    """Put a question together with the frames it speaks of, out of those of its query.

    Objects that lie on more than one frame are asked about in the video form, with times in
    seconds after the earliest frame of the query, be it pointed at or not.
    """
    used = sorted({frame for track in question.tracks for frame, _ in track})
    place = {frame: position for position, frame in enumerate(used)}
    times = None
    if len(used) > 1:
        start = min(stamps_ns)
        times = [(stamps_ns[frame] - start) / 1e9 for frame in used]
    return RegionSample(
        images=[images[frame] for frame in used],
        objects=[[(place[frame], mask) for frame, mask in track] for track in question.tracks],
        question=question.text,
        times=times,
    )


def _group_objects(query: Query, masks: Sequence[Mask]) -> tuple[list[str], list[Track]]:
    objects: list[tuple[str, dict[int, Mask]]] = []
    named: dict[str, dict[int, Mask]] = {}
    for index, (region, mask) in enumerate(zip(query.regions, masks, strict=True)):
        by_frame = named.get(region.object_id) if region.object_id else None
        if by_frame is None:
            by_frame = {}
            objects.append((region.object_id, by_frame))
            if region.object_id:
                named[region.object_id] = by_frame
        if region.frame in by_frame:
            raise InvalidRegionError(
                f"regions[{index}]: object_id '{shown(region.object_id)}' already has a region on "
                "the same frame; at most one per object and frame"
            )
        by_frame[region.frame] = mask
    in_time = [
        tuple(sorted(by_frame.items(), key=lambda item: query.frames[item[0]].stamp_ns))
        for _, by_frame in objects
    ]
    return [object_id for object_id, _ in objects], in_time


def _about_one(prompt: str, over_time: bool, is_lite: bool) -> str:
    if not prompt.strip():
        in_video = VIDEO_DETAIL_QUESTION if is_lite else FULL_VIDEO_DETAIL_QUESTION
        return in_video if over_time else DETAIL_QUESTION
    medium = "video" if over_time else "image"
    return f"There is one object in the {medium}: {REGION_PLACEHOLDER}.\n{prompt}"

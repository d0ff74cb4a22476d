"""Ask a node in the words of the core: regions in, report entries out."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass

from pixelrefer_ros.errors import DeadlineError
from pixelrefer_ros.msg import RegionQuery, RegionReference, RegionResult
from pixelrefer_ros.regions.reference import Region
from pixelrefer_ros.report import Entry
from pixelrefer_ros.ros.client import (
    DescribeRegionClient,
    box_reference,
    mask_reference,
    point_reference,
    polygon_reference,
)
from pixelrefer_ros.ros.conversions import to_duration, to_nanoseconds, to_time
from pixelrefer_ros.streams.stamps import NANOSECONDS


@dataclass(frozen=True, eq=False)
class PendingEntries:
    """A query on its way to the node."""

    query: RegionQuery
    reply: Future[RegionResult]

    def wait(self, timeout_s: float) -> list[Entry]:
        """Return one entry per answer, or a single one with the error code.

        Raises `DeadlineError` when no reply came within `timeout_s`.
        """
        try:
            return _to_entries(self.reply.result(timeout_s), self.query)
        except FutureTimeoutError as error:
            raise DeadlineError(f"no reply from the node within {timeout_s:.1f} s") from error


def ask(
    client: DescribeRegionClient,
    regions: Sequence[Region],
    stamps_ns: Sequence[int],
    *,
    camera: str,
    prompt: str,
    timeout_s: float,
    num_frames: int = 0,
    history_ns: int = 0,
    return_masks: bool = False,
) -> PendingEntries:
    """Ask about regions on the frames at `stamps_ns`, one each, 0 for the newest frame.

    `timeout_s` is the node's: waiting plus inference. With `num_frames` above 1 the regions are
    followed over that many frames, back to `history_ns` before. With `return_masks` the reply
    brings the masks that were used. Raises `NotActiveError` when there is no node,
    `InvalidRegionError` for a box that no message can hold.
    """
    query = RegionQuery(
        camera=camera,
        prompt=prompt,
        regions=[
            _to_reference(region, stamp_ns)
            for region, stamp_ns in zip(regions, stamps_ns, strict=True)
        ],
        timeout=to_duration(timeout_s),
        num_frames=num_frames,
        history=to_duration(history_ns / NANOSECONDS),
        return_masks=return_masks,
    )
    return PendingEntries(query, client.describe_async(query))


def _to_reference(region: Region, stamp_ns: int) -> RegionReference:
    stamp, object_id = to_time(stamp_ns), region.object_id
    if region.polygon is not None:
        return polygon_reference(region.polygon, stamp=stamp, object_id=object_id)
    if region.mask is not None:
        return mask_reference(region.mask, stamp=stamp, object_id=object_id)
    if region.points is not None:
        return point_reference(region.points, box=region.box, stamp=stamp, object_id=object_id)
    return box_reference(*(region.box or (0, 0, 0, 0)), stamp=stamp, object_id=object_id)


def _to_entries(result: RegionResult, query: RegionQuery) -> list[Entry]:
    if result.error_code:
        return [
            Entry(
                camera=query.camera,
                stamp_ns=_latest_stamp(query.regions),
                object_ids=[references[0].object_id for references in _objects(query.regions)],
                prompt=query.prompt,
                error_code=result.error_code,
                error_msg=result.error_msg,
                model_id=result.model_id,
            )
        ]
    objects = _objects(result.regions)
    groups = objects if len(result.answers) == len(objects) else [result.regions]
    return [
        Entry(
            camera=query.camera,
            stamp_ns=_latest_stamp(references),
            object_ids=list(answer.object_ids),
            prompt=query.prompt,
            text=answer.text,
            confidence=answer.confidence,
            queue_s=to_nanoseconds(result.queue_time) / NANOSECONDS,
            preprocess_s=to_nanoseconds(result.preprocess_time) / NANOSECONDS,
            encode_s=to_nanoseconds(result.encode_time) / NANOSECONDS,
            generate_s=to_nanoseconds(result.generate_time) / NANOSECONDS,
            model_id=result.model_id,
        )
        for answer, references in zip(result.answers, groups, strict=True)
    ]


def _latest_stamp(references: Sequence[RegionReference]) -> int:
    stamps = (to_nanoseconds(reference.header.stamp) for reference in references)
    return max(stamps, default=0)


def _objects(references: Sequence[RegionReference]) -> list[list[RegionReference]]:
    """Group references by the object they point at; an unnamed one is an object of its own."""
    objects: list[list[RegionReference]] = []
    named: dict[str, list[RegionReference]] = {}
    for reference in references:
        if reference.object_id in named:
            named[reference.object_id].append(reference)
            continue
        objects.append([reference])
        if reference.object_id:
            named[reference.object_id] = objects[-1]
    return objects

"""From a record in the official form to what the engine is asked."""

from __future__ import annotations

from collections.abc import Sequence

from pixelrefer_ros.datasets.conversations import read_conversation
from pixelrefer_ros.datasets.pictures import ReadImage
from pixelrefer_ros.datasets.records import Record
from pixelrefer_ros.engine.query import ArrayFrame, Query
from pixelrefer_ros.regions.reference import Region


def query_of(record: Record, read: ReadImage, max_new_tokens: int) -> Query:
    """Read pictures and masks. Raises `DatasetError` if one of them is of no use."""
    # The engine shows both frameworks the frames pointed at, and no others.
    conversation = read_conversation(record, is_lite=True, read=read)
    times: Sequence[float] = conversation.times or [0.0]
    frames = [
        ArrayFrame(image, stamp_ns=round(time * 1e9))
        for image, time in zip(conversation.images, times, strict=True)
    ]
    if times[0] > 0:
        # Nobody points at it: it tells when the clip began.
        frames.append(ArrayFrame(conversation.images[0], stamp_ns=0))
    return Query(
        frames=frames,
        regions=[
            Region(frame=frame, object_id=str(number), mask=mask)
            for number, masks in enumerate(conversation.objects)
            for frame, mask in masks
        ],
        prompt=conversation.turns[0].question,
        max_new_tokens=max_new_tokens,
    )

"""Clips of a simulated data set, as a camera would have sent them, and the objects on them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pixelrefer_ros.datasets.conversations import read_conversation
from pixelrefer_ros.datasets.masks import Mask
from pixelrefer_ros.errors import DatasetError
from pixelrefer_ros.evaluation.items import Item
from pixelrefer_ros.streams.frame import Frame
from pixelrefer_ros.streams.image_codec import CompressedImage
from pixelrefer_ros.streams.stamps import NANOSECONDS

FIRST_NS = 1_700_000_000 * NANOSECONDS
"""Stamp of the first frame of the first clip."""

SPACING_NS = 3 * NANOSECONDS
"""From the beginning of one clip to that of the next."""


@dataclass(frozen=True, eq=False)
class Clip:
    """The frames of a clip: their files and their stamps, ascending."""

    paths: tuple[Path, ...]
    stamps_ns: tuple[int, ...]

    def frames(self, camera: str) -> Iterator[Frame]:
        """Read the pictures as they lie on the disk, JPEG."""
        for path, stamp_ns in zip(self.paths, self.stamps_ns, strict=True):
            yield Frame(camera, stamp_ns, camera, CompressedImage("jpeg", path.read_bytes()))


@dataclass(frozen=True, eq=False)
class MotionQuestion:
    """A question about objects of a clip; `objects` have their true masks by number of frame."""

    item: Item
    clip: Clip
    prompt: str
    objects: tuple[dict[int, Mask], ...]


def read_questions(items: Sequence[Item]) -> list[MotionQuestion]:
    """Read pictures and masks; each clip gets a stretch of time of its own.

    Raises `DatasetError` for a record of no use.
    """
    clips: dict[str, Clip] = {}
    questions = []
    for item in items:
        values = item.record.values()
        try:
            video, names, times = values["video"], values["frames"], values["times"]
        except KeyError as error:
            raise DatasetError(f"{item.record.name}: {error.args[0]} is missing") from error
        if video not in clips:
            start_ns = FIRST_NS + len(clips) * SPACING_NS
            clips[video] = Clip(
                tuple(item.record.root / name for name in names),
                tuple(start_ns + round(time * NANOSECONDS) for time in times),
            )
        conversation = read_conversation(item.record, is_lite=True)
        numbers = sorted({int(number) for track in values["annotation"] for number in track})
        questions.append(
            MotionQuestion(
                item,
                clips[video],
                conversation.turns[0].question,
                tuple(
                    {numbers[shown]: mask for shown, mask in masks}
                    for masks in conversation.objects
                ),
            )
        )
    return questions

"""The frames that were asked about, with regions and answers drawn on them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from pixelrefer_ros.demo.questions import Question
from pixelrefer_ros.regions.drawing import draw_regions
from pixelrefer_ros.report import Entry, caption
from pixelrefer_ros.streams.bag_reader import BagReader
from pixelrefer_ros.streams.frame import Frame


def write_pictures(
    folder: Path,
    bag: BagReader,
    topic: str,
    questions: Sequence[Question],
    answers: Sequence[Sequence[Entry]],
) -> list[Path]:
    """Write a JPEG for each question that was answered and return their paths."""
    answered = [
        (number, question, entries)
        for number, (question, entries) in enumerate(zip(questions, answers, strict=True), start=1)
        if not any(entry.error_code for entry in entries)
    ]
    wanted = {entries[0].stamp_ns for _, _, entries in answered}
    frames = {frame.stamp_ns: frame for frame in bag.frames(topic) if frame.stamp_ns in wanted}
    written = []
    for number, question, entries in answered:
        path = folder / f"{number:02}{_name(question)}.jpg"
        _draw(frames[entries[0].stamp_ns], question, entries).save(path, quality=90)
        written.append(path)
    return written


def _draw(frame: Frame, question: Question, entries: Sequence[Entry]) -> Image.Image:
    picture = draw_regions(
        frame.rgb(),
        [region.to_mask(*frame.size) for region in question.regions],
        [region.object_id for region in question.regions],
        caption="\n".join(filter(None, [question.prompt, caption(entries)])),
    )
    return Image.fromarray(picture)


def _name(question: Question) -> str:
    """Make a part of a file name from the names of the objects."""
    words = [re.sub(r"[^A-Za-z0-9]+", "-", region.object_id) for region in question.regions]
    return "".join(f"_{word}" for word in words if word)

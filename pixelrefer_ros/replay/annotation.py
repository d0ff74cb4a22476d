"""A query file to start from: some frames of a bag, boxes on them, pictures to draw better ones."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pixelrefer_ros.errors import CommandError, FrameEvictedError, UnsupportedEncodingError
from pixelrefer_ros.regions.drawing import draw_regions
from pixelrefer_ros.streams.bag_choice import choose_topic
from pixelrefer_ros.streams.bag_index import BagIndex, FramePlace
from pixelrefer_ros.streams.bag_reader import BagReader, BrokenMessage
from pixelrefer_ros.streams.detections import Detection, read_detections
from pixelrefer_ros.streams.frame import Frame
from pixelrefer_ros.streams.sampling import sample_evenly
from pixelrefer_ros.streams.stamps import NANOSECONDS, STAMP_TOLERANCE_NS

THUMBNAIL_WIDTH = 640
TICK = 100
"""Pixels of the image between two marks on the border of its thumbnail."""

HEAD = """\
# What `pixelrefer replay` asks about {bag}; docs/replay.md tells of all fields.
# The thumbnails beside this file show each frame with its boxes; the marks on their border are
# {tick} pixels of the image apart.
{broken}queries:
"""


class Box(NamedTuple):
    """A box that fits its frame, in whole pixels, and its label."""

    box: tuple[int, int, int, int]
    label: str


class Written(NamedTuple):
    """How many queries were written on how many frames; what was left out.

    left_out: detections that lie on no frame, as those do whose box is not finite. broken: messages
    of the detector.
    """

    queries: int
    frames: int
    left_out: int
    broken: int


def write_starter(
    bag: BagReader, topic: str, out: Path, *, frames: int, detections: str = ""
) -> Written:
    """Write `queries.yaml` and `thumbnails/` to `out`: up to `frames` frames, evenly in time.

    A query for each box of the topic `detections` on these frames; without one, a box on the middle
    of each. Raises `BagError`, `NoFrameError`, and `CommandError` where `out` has a query file
    already, cannot be written, or no detection lies on any frame.
    """
    file = out / "queries.yaml"
    if file.exists():
        raise CommandError(f"'{file}' is there already: name another --out, or remove it")
    index = BagIndex(bag, choose_topic(bag, topic).name)
    broken: list[BrokenMessage] = []
    found_boxes = read_detections(bag, detections, on_broken=broken.append) if detections else None
    boxes, left_out = _place(index, found_boxes)
    if not boxes:
        raise CommandError(f"none of {left_out} detections of '{detections}' lies on a frame")
    places = list(boxes)
    chosen = sample_evenly([place.stamp_ns for place in places], frames)
    parts = [HEAD.format(bag=bag.path.name, tick=TICK, broken=_tell(broken))]
    count = shown = 0
    reason = ""
    try:
        (out / "thumbnails").mkdir(parents=True, exist_ok=True)
        for number, place in enumerate((places[k] for k in chosen), 1):
            [frame] = index.read([place])
            try:
                found = _fit(boxes[place], frame)
                picture = _draw(frame, found)
            except UnsupportedEncodingError as error:
                reason = f": {error}"
                continue
            if not found:
                continue
            thumbnail = f"thumbnails/frame-{number}.jpg"
            picture.save(out / thumbnail, quality=85)
            parts.append(_write(frame, found, number, index.start_ns, thumbnail))
            count += len(found)
            shown += 1
        if not count:
            raise CommandError(f"no box on any of {len(chosen)} frames{reason}")
        file.write_text("\n".join(parts), encoding="utf-8")
    except OSError as error:
        raise CommandError(f"--out '{out}' cannot be written: {error.strerror}") from error
    return Written(count, shown, left_out, len(broken))


def _tell(broken: Sequence[BrokenMessage]) -> str:
    """Write how many messages are broken, as a comment of YAML."""
    if not broken:
        return ""
    topic = json.dumps(broken[0].topic)  # no end of a line of any kind
    return f"# {len(broken)} messages of {topic} are broken and were left out.\n"


def _place(
    index: BagIndex, detections: Mapping[int, Sequence[Detection]] | None
) -> tuple[Mapping[FramePlace, Sequence[Detection]], int]:
    """Return the frames that may be chosen with the detections on them, and how many have none.

    A detection whose box is not finite has none.
    """
    if detections is None:
        return dict.fromkeys(index.places, ()), 0
    found: dict[FramePlace, list[Detection]] = {}
    left_out = 0
    for stamp_ns, seen in sorted(detections.items()):
        boxes = [one for one in seen if _is_finite(one)]
        left_out += len(seen) - len(boxes)
        try:
            place = index.nearest(stamp_ns, tolerance_ns=STAMP_TOLERANCE_NS)
        except FrameEvictedError:
            left_out += len(boxes)
        else:
            if boxes:
                found.setdefault(place, []).extend(boxes)
    return found, left_out


def _is_finite(detection: Detection) -> bool:
    x, y, width, height = detection.box
    return all(map(math.isfinite, (x, y, x + width, y + height)))


def _fit(detections: Sequence[Detection], frame: Frame) -> list[Box]:
    """Clip boxes to the frame; those outside are left out. Without any, the middle half.

    Raises `UnsupportedEncodingError`.
    """
    height, width = frame.size
    if not detections:
        return [Box((width // 4, height // 4, max(width // 2, 1), max(height // 2, 1)), "")]
    found = []
    for (x, y, box_width, box_height), label in detections:
        left, top = max(round(x), 0), max(round(y), 0)
        right, bottom = min(round(x + box_width), width), min(round(y + box_height), height)
        if left < right and top < bottom:
            found.append(Box((left, top, right - left, bottom - top), label))
    return found


def _write(frame: Frame, boxes: Sequence[Box], number: int, start_ns: int, thumbnail: str) -> str:
    height, width = frame.size
    since = (frame.stamp_ns - start_ns) / NANOSECONDS
    lines = [f"# {thumbnail}: {width} x {height} pixels, {since:.3f} s after the first frame"]
    for place, (box, label) in enumerate(boxes, 1):
        lines += [
            f"- id: frame-{number}" + (f"-{place}" if len(boxes) > 1 else ""),
            f"  topic: {json.dumps(frame.camera, ensure_ascii=False)}",
            f"  stamp_ns: {frame.stamp_ns}",
            "  regions:",
            f"  - box: {list(box)}",
            "  prompt: What is <region>?",
        ]
        # A detector that counts its classes names nothing.
        if label and not label.isdecimal():
            lines.append(f"  category: {json.dumps(label, ensure_ascii=False)}")
        else:
            lines.append("  # category: cup")
    return "\n".join(lines) + "\n"


def _draw(frame: Frame, boxes: Sequence[Box]) -> Image.Image:
    """Draw the boxes at the size of the thumbnail, and marks along its upper and left border."""
    image = frame.rgb()
    factor = min(1.0, THUMBNAIL_WIDTH / image.shape[1])
    size = (max(1, round(image.shape[1] * factor)), max(1, round(image.shape[0] * factor)))
    small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    masks = []
    for x, y, width, height in (box for box, _ in boxes):
        mask = np.zeros(small.shape[:2], np.bool_)
        left, top = int(x * factor), int(y * factor)
        mask[top : int((y + height) * factor) + 1, left : int((x + width) * factor) + 1] = True
        masks.append(mask)
    names = [str(place) if len(boxes) > 1 else "" for place in range(1, len(boxes) + 1)]
    picture = Image.fromarray(draw_regions(small, masks, names))
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(size=11)
    for axis in (0, 1):
        for mark in range(TICK, image.shape[1 - axis], TICK):
            at = round(mark * factor)
            end = (at, 6) if axis == 0 else (6, at)
            draw.line(((at, 0) if axis == 0 else (0, at), end), fill=(255, 255, 255), width=2)
            draw.text(end, str(mark), fill=(255, 255, 255), font=font, stroke_width=1,
                      stroke_fill=(0, 0, 0))  # fmt: skip
    return picture

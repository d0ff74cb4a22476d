"""From a record of a data set to pictures, masks and what was said about them.

A record is an object with

- `image`: path of a picture; or `video`: path of a video file, or of a folder of frames, in the
  order of their names, or a list of paths of frames, which may also stand in `frames`. Paths start
  at the folder of the file unless told otherwise.
- `conversations`: turns in the order `human`, `gpt`, `human`, ...:
  `[{"from": "human", "value": "What is <region>?"}, {"from": "gpt", "value": "A mug."}]`.
  `<region>` stands for an object, in the order of the masks and through all turns. `<image>` and
  `<video>` say where the full model gets the pictures; PixelRefer-Lite does without.
- `annotation` or, by its other name, `masks`: one entry per object, an object from frame number,
  counted from 0 and written as text, to a mask as `masks.decode_mask` reads it:
  `{"0": {"segmentation": {"size": [480, 640], "counts": "..."}}, "4": ...}`. For an image the mask
  may stand there by itself.
- for a video optionally `times`, seconds of each frame, or else `fps`, frames per second. Without
  them a video file has its own rate, and frames by themselves 3 per second, as the official data.

Other fields are ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pixelrefer_ros.datasets.masks import Mask, decode_mask
from pixelrefer_ros.datasets.pictures import ReadImage
from pixelrefer_ros.datasets.records import Record
from pixelrefer_ros.datasets.video_files import (
    MOST_DIGITS,
    PictureReader,
    frame_count,
    frame_name,
    frame_rate,
    is_video,
)
from pixelrefer_ros.errors import DatasetError
from pixelrefer_ros.model.image_processor import Image
from pixelrefer_ros.model.prompts import IMAGE_PLACEHOLDER, REGION_PLACEHOLDER, VIDEO_PLACEHOLDER

FRAMES_PER_SECOND = 3.0
PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
FULL_MODEL_FRAMES = 16
"""How many frames of a video the full model sees besides those with masks."""
LATEST_TIME = 1e10
"""Largest time of a frame, in seconds; those of clocks that count from 1970 are below."""

DecodeMask = Callable[[Any, int, int], Mask]


@dataclass(frozen=True)
class Turn:
    """A question and its answer; `regions` is the number of objects the question points at."""

    question: str
    answer: str
    regions: int


@dataclass(frozen=True, eq=False)
class Conversation:
    """Pictures, objects on them and what was said; fields as in `RegionSample`."""

    images: Sequence[Image]
    objects: Sequence[Sequence[tuple[int, Mask]]]
    turns: Sequence[Turn]
    times: Sequence[float] | None


def read_conversation(
    record: Record,
    *,
    is_lite: bool,
    read: ReadImage | None = None,
    decode: DecodeMask = decode_mask,
) -> Conversation:
    """Read everything a record speaks of, its pictures with `read` and its masks with `decode`.

    read: gets a frame of a video file as `video_files.frame_name` names it; None: `PictureReader`.
    Raises `DatasetError` saying what is wrong with it.
    """
    values, read = record.values(), read or PictureReader()
    turns = _read_turns(values.get("conversations"), is_lite)
    annotation = values.get("annotation", values.get("masks", []))
    if not isinstance(annotation, list):
        raise DatasetError(f"annotation is a {type(annotation).__name__}, must be a list")
    regions = sum(turn.regions for turn in turns)
    if regions != len(annotation):
        raise DatasetError(f"{regions} {REGION_PLACEHOLDER} for {len(annotation)} masks")
    if "image" in values:
        image = read(record.root / str(values["image"]))
        tracks = [
            _read_track(k, mask, 1) if _is_track(mask) else {0: mask}
            for k, mask in enumerate(annotation)
        ]
        masks = [[(0, decode(track[0], *image.shape[:2]))] for track in tracks]
        return Conversation([image], masks, turns, None)
    if "video" in values:
        return _read_video(record.root, values, annotation, turns, is_lite, read, decode)
    raise DatasetError("neither image nor video is given")


def _read_turns(turns: Any, is_lite: bool) -> list[Turn]:
    if not isinstance(turns, list) or not turns or len(turns) % 2:
        raise DatasetError("conversations must be a list of questions and answers in turn")
    said: list[str] = []
    for k, turn in enumerate(turns):
        speaker = ("human", "gpt")[k % 2]
        if not isinstance(turn, dict) or turn.get("from") != speaker:
            raise DatasetError(f"conversations[{k}] is not from {speaker}")
        value = turn.get("value")
        if not isinstance(value, str) or not value.strip():
            raise DatasetError(f"conversations[{k}] is empty")
        said.append(value)
    questions = [_without_visuals(text) if is_lite else text for text in said[::2]]
    return [
        Turn(question, answer, question.count(REGION_PLACEHOLDER))
        for question, answer in zip(questions, said[1::2], strict=True)
    ]


def _without_visuals(text: str) -> str:
    for placeholder in (IMAGE_PLACEHOLDER, VIDEO_PLACEHOLDER):
        text = text.replace(placeholder, "")
    return text.strip()


@dataclass(frozen=True)
class _Frames:
    """Where the frames of a video are, by number, and how many of them are seen in a second."""

    count: int
    path: Callable[[int], Path]
    rate: float = FRAMES_PER_SECOND


def _read_video(
    root: Path,
    values: Mapping[str, Any],
    annotation: Sequence[Any],
    turns: Sequence[Turn],
    is_lite: bool,
    read: ReadImage,
    decode: DecodeMask,
) -> Conversation:
    frames = _find_frames(root, values.get("frames", values["video"]))
    tracks = [_read_track(k, track, frames.count) for k, track in enumerate(annotation)]
    pointed_at = sorted({frame for track in tracks for frame in track})
    if is_lite:
        seen, shown = pointed_at, pointed_at
    else:
        count = min(FULL_MODEL_FRAMES, frames.count)
        seen = [int(frame) for frame in np.linspace(0, frames.count - 1, count)]
        shown = seen + [frame for frame in pointed_at if frame not in seen]
    images = {frame: read(frames.path(frame)) for frame in sorted(shown)}
    objects = [
        [
            (shown.index(frame), decode(mask, *images[frame].shape[:2]))
            for frame, mask in sorted(track.items())
        ]
        for track in tracks
    ]
    # An object on one frame is asked about as on a still, as the engine does.
    is_still = is_lite and len(pointed_at) == 1
    times = None if is_still else [_time(values, frame, frames) for frame in seen]
    return Conversation([images[frame] for frame in shown], objects, turns, times)


def _find_frames(root: Path, video: Any) -> _Frames:
    if isinstance(video, list):
        paths = [root / str(name) for name in video]
        return _Frames(len(paths), paths.__getitem__)
    path = root / str(video)
    if is_video(path):
        return _Frames(
            frame_count(path),
            lambda frame: Path(frame_name(str(path), frame)),
            frame_rate(path),
        )
    try:
        paths = sorted(frame for frame in path.iterdir() if frame.suffix.lower() in PICTURES)
    except (OSError, ValueError) as error:
        raise DatasetError(f"{str(path)!a}: no such folder of frames: {error}") from error
    if not paths:
        raise DatasetError(f"{path}: no frames in it")
    return _Frames(len(paths), paths.__getitem__)


def _is_track(value: Any) -> bool:
    return isinstance(value, dict) and bool(value) and all(key.isdecimal() for key in value)


def _read_track(index: int, track: Any, frames: int) -> dict[int, Any]:
    if not isinstance(track, dict) or not track:
        raise DatasetError(f"annotation[{index}] must be an object from frame numbers to masks")
    for number in track:
        is_number = number.isdecimal() and len(number) <= MOST_DIGITS
        if not (is_number and int(number) < frames):
            raise DatasetError(f"annotation[{index}] is on frame {number:.20}, there are {frames}")
    return {int(number): mask for number, mask in track.items()}


def _time(values: Mapping[str, Any], frame: int, frames: _Frames) -> float:
    times, rate = values.get("times"), values.get("fps", frames.rate)
    try:
        if times is not None and len(times) != frames.count:
            raise DatasetError(f"there are {len(times)} times for {frames.count} frames")
        time = frame / float(rate) if times is None else float(times[frame])
    except (TypeError, ValueError, LookupError, ArithmeticError) as error:
        raise DatasetError(f"times or fps cannot be used: {error}") from error
    if not abs(time) <= LATEST_TIME:
        raise DatasetError(f"frame {frame} is at {time} s, must be within {LATEST_TIME:g} s of 0")
    return time

"""HC-STVG: one sentence about a person who is followed through a video.

A JSON object from the name of a video to its annotation, as
https://github.com/tzhhhh123/HC-STVG tells:

    bbox               the boxes [x, y, width, height] of the person, one for each frame
    st_frame           the frame of the first box, counted from 1
    img_num            frames of the video, 20 times the frames per second
    caption            what is said of the person; version 2 calls it `English`

Sure: the fields of version 1. Not sure: `English`, the split the paper counts on (`val_v2.json` of
version 2 has boxes), and which frames the official evaluation takes; here 16, evenly spaced over
the boxes. Frames are those of the video file, found below `--images` by name. The question is the
official one.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from pixelrefer_ros.datasets.video_files import frame_name
from pixelrefer_ros.errors import DatasetError
from pixelrefer_ros.evaluation.benchmarks.benchmark import Benchmark
from pixelrefer_ros.evaluation.benchmarks.entries import Entry, read_json
from pixelrefer_ros.evaluation.benchmarks.question import Question, ask_about

QUESTION = (
    "There is one object in the video: <region>.\nPlease give a description of the highlighted "
    "object in the video. Using only one sentense."
)
FULL_QUESTION = "Please describe the object <region> in brief in the video."
SECONDS = 20
FRAMES = 16


def read_videos(path: Path) -> Iterator[Entry | DatasetError]:
    """Yield the annotation of each video, its name in the field `video`."""
    values = read_json(path)
    if not isinstance(values, dict):
        raise DatasetError(f"{path}: holds a {type(values).__name__}, must be an object")
    for video, annotation in values.items():
        name = f"{path.name}[{video!r}]"
        if isinstance(annotation, dict):
            yield Entry(name, {**annotation, "video": video})
        else:
            yield DatasetError(f"{name}: is a {type(annotation).__name__}, must be an object")


def questions(entry: Entry, images: Path, is_lite: bool) -> Iterator[Question]:
    """Ask for a sentence."""
    boxes = entry.items("bbox")
    first = entry.number("st_frame") - 1
    rate = entry.number("img_num") / SECONDS
    if first < 0 or not rate > 0:
        entry.refuse("st_frame" if first < 0 else "img_num", "at least 1")
    video = entry.text("video")
    taken = np.unique(np.linspace(0, len(boxes) - 1, FRAMES).astype(int)).tolist()
    frames = [int(first) + number for number in taken]
    yield ask_about(
        entry.name,
        images,
        {
            "video": video,
            "frames": [frame_name(_path(images, video), frame) for frame in frames],
            "times": [frame / rate for frame in frames],
        },
        QUESTION if is_lite else FULL_QUESTION,
        [{str(k): _corners(entry, number) for k, number in enumerate(taken)}],
        id=video,
        references=(entry.text("caption" if entry.has("caption") else "English"),),
    )


def _corners(entry: Entry, number: int) -> list[float]:
    field = f"bbox[{number}]"
    return Entry(entry.name, {field: entry.items("bbox")[number]}).box(field)


def _path(images: Path, video: str) -> str:
    """Return where a video is: in the folder or, as it is published in parts, in one below it."""
    if (images / video).is_file():
        return video
    found = sorted(images.glob(f"*/{Path(video).name}"))
    return str(found[0].relative_to(images)) if found else video


HC_STVG = Benchmark(
    "hc-stvg",
    "HC-STVG",
    read_videos,
    questions,
    {"": ("bleu4", "meteor", "rouge_l", "cider", "spice")},
    64,
)

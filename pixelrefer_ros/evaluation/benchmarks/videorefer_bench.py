"""VideoRefer-Bench: descriptions (D) of objects in videos, and multiple-choice questions (Q).

JSON lists, as the card of the data set (https://huggingface.co/datasets/DAMO-NLP-SG/VideoRefer-Bench)
tells:

    id             number
    video          D: a file of `Panda-70M-part`; Q: a folder of frames of DAVIS or MeViS
    annotation     for each object its masks by the number of the frame, run lengths in
                   `segmentation`; up to 32 frames
    frame_idx      the frame of the mode with one mask, which is not asked here: the model gets all
    caption        D: what people wrote
    Question, options, Answer, type
                   Q: words with <region>, choices such as "(A) A helmet", the right one, and one of
                   five types

Sure: these fields. Not sure: how fast a folder of frames is; 3 per second, as in the official
training data. Times of files are those of the file. The question for D is the official one, that
for Q is the question with its options and a request of our own to pick one: the official wording
is not among what is documented.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pixelrefer_ros.datasets.video_files import frame_name, frame_rate
from pixelrefer_ros.evaluation.benchmarks.benchmark import Benchmark
from pixelrefer_ros.evaluation.benchmarks.entries import Entry, read_list
from pixelrefer_ros.evaluation.benchmarks.question import Question, ask_about
from pixelrefer_ros.model.prompts import FULL_VIDEO_DETAIL_QUESTION, VIDEO_DETAIL_QUESTION

REQUEST = "Answer with the letter of the best option."


def description_questions(entry: Entry, images: Path, is_lite: bool) -> Iterator[Question]:
    """Ask for a description."""
    video = entry.text("video")
    tracks = _tracks(entry)
    frames = sorted({frame for track in tracks for frame in track})
    rate = frame_rate(images / video)
    yield ask_about(
        entry.name,
        images,
        {
            "video": video,
            "frames": [frame_name(video, frame) for frame in frames],
            "times": [frame / rate for frame in frames],
        },
        VIDEO_DETAIL_QUESTION if is_lite else FULL_VIDEO_DETAIL_QUESTION,
        [{str(frames.index(frame)): mask for frame, mask in track.items()} for track in tracks],
        id=entry.key("id"),
        references=(entry.text("caption"),),
    )


def choice_questions(entry: Entry, images: Path, is_lite: bool) -> Iterator[Question]:
    """Ask to choose."""
    options, answer = entry.texts("options"), entry.text("Answer")
    entry.check_choice("Answer", answer, options)
    yield ask_about(
        entry.name,
        images,
        {"video": entry.text("video")},
        "\n".join([entry.text("Question"), *options, REQUEST]),
        [{str(frame): mask for frame, mask in track.items()} for track in _tracks(entry)],
        id=entry.key("id"),
        choices=tuple(options),
        answer=answer,
        question_type=entry.text("type"),
    )


def _tracks(entry: Entry) -> list[Mapping[int, Any]]:
    """Return the masks of each object by the number of the frame."""
    tracks: list[Mapping[int, Any]] = []
    for k, track in enumerate(entry.entries("annotation")):
        if not track.values or not all(frame.isdecimal() for frame in track.values):
            entry.refuse("annotation", "objects from numbers of frames to masks")
        for frame, mask in track.values.items():
            _check_mask(entry, f'annotation[{k}]["{frame}"]', mask)
        tracks.append({int(frame): mask for frame, mask in track.values.items()})
    return tracks


def _check_mask(entry: Entry, field: str, mask: Any) -> None:
    if isinstance(mask, dict) and "segmentation" in mask:
        mask = mask["segmentation"]
    if not isinstance(mask, (dict, list)):
        Entry(entry.name, {field: mask}).refuse(field, "run lengths or polygons")


VIDEOREFER_D = Benchmark(
    "videorefer-bench-d",
    "VideoRefer-Bench-D",
    read_list,
    description_questions,
    {
        "": (
            "videorefer_subject", "videorefer_appearance", "videorefer_temporal",
            "videorefer_hallucination", "videorefer_average",
        )
    },
    256,
)  # fmt: skip
VIDEOREFER_Q = Benchmark(
    "videorefer-bench-q",
    "VideoRefer-Bench-Q",
    read_list,
    choice_questions,
    {"": ("choice_accuracy",)},
    32,
)

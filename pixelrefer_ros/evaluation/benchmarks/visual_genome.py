"""Visual Genome: a phrase for a box.

A file in COCO's form, as GRiT (https://github.com/JialianW/GRiT, `test.json`) and GLaMM
(https://github.com/mbzuai-oryx/groundingLMM, `test_caption.json`, a part of it) publish the test
split:

    images         objects with `id` and `file_name`
    annotations    objects with `id`, `image_id`, `bbox` [x, y, width, height] and `caption`

Sure: COCO's form, and that each box has one caption. Not sure: which of the two files the paper
counts on, and whether `file_name` holds the folder (`VG_100K/`); `--images` is the folder in which
it begins. The question is the official one.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pixelrefer_ros.evaluation.benchmarks.benchmark import Benchmark
from pixelrefer_ros.evaluation.benchmarks.entries import Entry, read_coco
from pixelrefer_ros.evaluation.benchmarks.question import Question, ask_about

QUESTION = "Please describe <region> briefly."


def questions(entry: Entry, images: Path, is_lite: bool) -> Iterator[Question]:
    """Ask for the phrase of a box."""
    yield ask_about(
        entry.name,
        images,
        {"image": entry.entry("image").text("file_name")},
        QUESTION,
        [entry.box("bbox")],
        id=entry.key("id"),
        references=(entry.text("caption"),),
    )


VISUAL_GENOME = Benchmark(
    "vg", "Visual Genome", read_coco, questions, {"": ("meteor", "cider")}, 64
)

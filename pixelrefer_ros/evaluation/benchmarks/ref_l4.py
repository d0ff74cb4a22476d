"""Ref-L4: what is said of a box, in brief or in detail.

The Parquet files `ref-l4-val.parquet` and `ref-l4-test.parquet`, as the card of the data set
(https://huggingface.co/datasets/JierunChen/Ref-L4) tells, or the same rows as a JSON list:

    id, caption        of a referring expression
    bbox               [x, y, width, height]
    bbox_id            of the box; several expressions are about the same one
    ori_category_id    `o365_12` for pictures of Objects365, `refcoco_3` for those of COCO
    image_id, file_name, height, width

Sure: `id`, `bbox`, `file_name` and `ori_category_id`, which the evaluation code of the data set
uses. Not sure: `bbox_id`; without it rows with the same picture and box belong together. A box is
asked about once and all its captions are references; the official evaluation reads a file of its
own making, whose grouping is not documented. The questions are the official ones: in brief for the
metrics of captions; in detail for CLAIR, there on the pictures of Objects365, as DAM does.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pixelrefer_ros.engine.optional_packages import require
from pixelrefer_ros.errors import DatasetError
from pixelrefer_ros.evaluation.benchmarks.benchmark import Benchmark
from pixelrefer_ros.evaluation.benchmarks.entries import Entry, read_list
from pixelrefer_ros.evaluation.benchmarks.question import Question, ask_about

BRIEF_QUESTION = "Please describe <region> in brief."
DETAIL_QUESTION = "Please describe <region> in detail."
OBJECTS365 = "o365"


def read_boxes(path: Path) -> Iterator[Entry | DatasetError]:
    """Yield an entry for each box, with all its captions in the field `captions`."""
    boxes: dict[str, dict[str, Any]] = {}
    for row in read_list(path) if path.suffix.startswith(".json") else _read_parquet(path):
        if isinstance(row, DatasetError):
            yield row
            continue
        try:
            # Checked row by row: a broken one must not take the others of its box along.
            row.box("bbox")
            caption, file = row.text("caption"), row.text("file_name")
            key = row.key("bbox_id") if row.has("bbox_id") else f"{file} {row.values['bbox']}"
        except DatasetError as error:
            yield error
            continue
        box = boxes.setdefault(key, {**row.values, "key": key, "name": row.name, "captions": []})
        box["captions"].append(caption)
    for box in boxes.values():
        yield Entry(box["name"], box)


def read_objects365(path: Path) -> Iterator[Entry | DatasetError]:
    """Yield the boxes of pictures of Objects365."""
    for entry in read_boxes(path):
        if isinstance(entry, DatasetError) or str(
            entry.values.get("ori_category_id", "")
        ).startswith(OBJECTS365):
            yield entry


def _read_parquet(path: Path) -> Iterator[Entry]:
    parquet = require("pyarrow.parquet", "benchmarks", DatasetError, user=path.name)
    try:
        rows = parquet.read_table(path).to_pylist()
    except (OSError, ValueError) as error:  # what pyarrow raises for other files is a ValueError
        raise DatasetError(f"{path}: not readable: {error}") from error
    for k, row in enumerate(rows):
        yield Entry(f"{path.name}[{k}]", row)


def brief_questions(entry: Entry, images: Path, is_lite: bool) -> Iterator[Question]:
    """Ask for a short description of a box."""
    yield _question(entry, images, BRIEF_QUESTION)


def detail_questions(entry: Entry, images: Path, is_lite: bool) -> Iterator[Question]:
    """Ask for a detailed description of a box."""
    yield _question(entry, images, DETAIL_QUESTION)


def _question(entry: Entry, images: Path, prompt: str) -> Question:
    return ask_about(
        entry.name,
        images,
        {"image": entry.text("file_name")},
        prompt,
        [entry.box("bbox")],
        id=entry.text("key"),
        references=tuple(entry.texts("captions")),
    )


CAPTION_METRICS = ("meteor", "rouge_l", "cider", "bleu4")

REF_L4 = Benchmark("ref-l4", "Ref-L4", read_boxes, brief_questions, {"": CAPTION_METRICS}, 64)
REF_L4_CLAIR = Benchmark(
    "ref-l4-clair", "Ref-L4 (CLAIR)", read_objects365, detail_questions, {"": ("clair",)}, 256
)

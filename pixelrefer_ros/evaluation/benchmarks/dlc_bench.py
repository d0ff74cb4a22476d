"""DLC-Bench: detailed captions of regions, judged by single attributes.

A folder as on https://huggingface.co/datasets/nvidia/DLC-Bench, read as the evaluation of DAM
(https://github.com/NVlabs/describe-anything) does:

    annotations.json   COCO's form: images with `id` and `file_name`; annotations with `id`,
                       `image_id` and `segmentation`, polygons or run lengths
    qa.json            by the id of an annotation a list of questions to the judge: `type` is
                       recognition, positive or negative, `question`, and `choices`, pairs of an
                       answer and its points
    class_names.json   by the id of an annotation the name of the object
    images/            the pictures

Sure: these fields. The two other files are looked for beside `annotations.json`; without them there
is nothing to judge by. Here a question becomes an attribute: its words with the answer that
brings most points are true of the object; of a negative one, with the answer that costs most,
untrue. `docs/metrics.md` tells how that is judged. The prompt is the official one; `--images` is
the folder `images`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pixelrefer_ros.errors import DatasetError
from pixelrefer_ros.evaluation.benchmarks.benchmark import Benchmark
from pixelrefer_ros.evaluation.benchmarks.entries import Entry, read_coco, read_json
from pixelrefer_ros.evaluation.benchmarks.question import Question, ask_about
from pixelrefer_ros.model.prompts import DETAIL_QUESTION

QUESTIONS, CLASS_NAMES = "qa.json", "class_names.json"
KINDS = ("recognition", "positive", "negative")


def read_entries(path: Path) -> Iterator[Entry | DatasetError]:
    """Yield each annotation, what is asked about it in `qa`, and its name in `class_name`."""
    asked = Entry(QUESTIONS, _read_object(path.with_name(QUESTIONS)))
    names = _read_object(path.with_name(CLASS_NAMES))
    for entry in read_coco(path):
        if isinstance(entry, DatasetError):
            yield entry
            continue
        id = str(entry.values.get("id"))
        try:
            yield Entry(
                entry.name,
                {**entry.values, "qa": asked.entries(id), "class_name": names.get(id)},
            )
        except DatasetError as error:
            yield error


def _read_object(path: Path) -> dict[str, object]:
    values = read_json(path)
    if not isinstance(values, dict):
        raise DatasetError(f"{path}: holds a {type(values).__name__}, must be an object")
    return values


def questions(entry: Entry, images: Path, is_lite: bool) -> Iterator[Question]:
    """Ask for a detailed caption."""
    if not entry.has("segmentation"):
        entry.refuse("segmentation", "polygons or run lengths")
    positive, negative = _attributes(entry.values["qa"])
    yield ask_about(
        entry.name,
        images,
        {"image": entry.entry("image").text("file_name")},
        DETAIL_QUESTION,
        [entry.values["segmentation"]],
        id=entry.key("id"),
        category=entry.text("class_name"),
        positive=tuple(positive),
        negative=tuple(negative),
    )


def _attributes(asked: list[Entry]) -> tuple[list[str], list[str]]:
    positive: list[str] = []
    negative: list[str] = []
    for question in asked:
        kind = question.text("type")
        if kind not in KINDS:
            question.refuse("type", f"one of {', '.join(KINDS)}")
        if kind == "recognition":
            continue
        points = _points(question)
        if kind == "positive":
            best = max(points, key=lambda answer: points[answer])
            positive.append(f"{question.text('question')} {best}")
        else:
            worst = min(points, key=lambda answer: points[answer])
            negative.append(f"{question.text('question')} {worst}")
    return positive, negative


def _points(question: Entry) -> dict[str, float]:
    """Return the points of each answer."""
    points = {}
    for k, choice in enumerate(question.items("choices")):
        if (
            not isinstance(choice, list)
            or len(choice) != 2
            or not isinstance(choice[0], str)
            or not isinstance(choice[1], (int, float))
        ):
            named = Entry(question.name, {f"choices[{k}]": choice})
            named.refuse(f"choices[{k}]", "an answer and its points")
        points[choice[0]] = float(choice[1])
    return points


DLC_BENCH = Benchmark(
    "dlc-bench",
    "DLC-Bench",
    read_entries,
    questions,
    {"": ("dlc_positive", "dlc_negative", "dlc_average")},
    256,
    beside=(QUESTIONS, CLASS_NAMES),
)

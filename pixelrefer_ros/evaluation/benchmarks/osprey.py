"""LVIS and PACO as Osprey samples them: what is the region called?

A JSON list, an entry for each of 1000 pictures (`lvis_val_1k_category.json` with 4004 objects,
`paco_val_1k_category.json` with 4263), as Osprey's evaluation reads it
(https://github.com/CircleRadon/Osprey, osprey/eval/README.md and lvis_paco_eval.py):

    file_name      name of a picture of COCO
    height, width  its pixels
    categories     names such as `cutting_board`, PACO's as `mug:handle`
    annotations    for each name an object with `segmentation`: polygons, or run lengths

Sure: these fields. Not sure: whether all pictures are of one folder of COCO; `--images` is the
folder in which the names of files begin. The questions are the official ones; the model is asked
about each object by itself, greedily (Osprey samples).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pixelrefer_ros.evaluation.benchmarks.benchmark import Benchmark
from pixelrefer_ros.evaluation.benchmarks.entries import Entry, read_list
from pixelrefer_ros.evaluation.benchmarks.question import Question, ask_about

LVIS_QUESTION = "What is the category of <region>? Using only one word or phrase."
PACO_QUESTION = (
    "What is the category of <region>? It maybe a subpart of an object. If it is a subpart, output "
    "in the format of 'category:subcategory', else just output the category."
)


def lvis_questions(entry: Entry, images: Path, is_lite: bool) -> Iterator[Question]:
    """Ask about each object of a picture."""
    yield from _questions(entry, images, LVIS_QUESTION)


def paco_questions(entry: Entry, images: Path, is_lite: bool) -> Iterator[Question]:
    """Ask about each object or part of a picture."""
    yield from _questions(entry, images, PACO_QUESTION)


def _questions(entry: Entry, images: Path, prompt: str) -> Iterator[Question]:
    picture = {"image": entry.text("file_name")}
    categories = entry.texts("categories")
    annotations = entry.entries("annotations")
    if len(categories) != len(annotations):
        entry.refuse("categories", f"as many names as annotations, {len(annotations)}")
    for k, (category, annotation) in enumerate(zip(categories, annotations, strict=True)):
        if not annotation.has("segmentation"):
            annotation.refuse("segmentation", "polygons or run lengths")
        mask = annotation.values["segmentation"]
        yield ask_about(
            annotation.name,
            images,
            picture,
            prompt,
            [mask],
            id=f"{picture['image']}#{k}",
            category=category,
        )


METRICS = {"": ("ssim", "siou")}

LVIS = Benchmark("lvis", "LVIS", read_list, lvis_questions, METRICS, 32)
PACO = Benchmark("paco", "PACO", read_list, paco_questions, METRICS, 32)

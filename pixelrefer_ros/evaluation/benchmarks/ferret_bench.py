"""Ferret-Bench, referring reasoning: questions about a region that need thought.

Osprey's `box_refer_reason.json` (https://github.com/CircleRadon/Osprey, osprey/eval/ferret-bench),
a JSON list in which the boxes of Ferret-Bench (https://github.com/apple/ml-ferret) are
masks:

    question_id    number
    image          name of a picture of COCO's val2017
    text           the question, with <region>
    annotation     an object with `segmentation`, polygons or run lengths, and `bbox`; a list of
                   such where there are several <region>

and, looked for beside it, Ferret-Bench's `answer.jsonl` and `context.jsonl` (folder
ferret/eval/ferret_gpt4_data/refer_reason): a line with `question_id` and `text` for each question,
the reference answer and what is in the picture.

Sure: the fields of `box_refer_reason.json`, which Osprey's evaluation uses. Not sure: whether any
question has several regions, and the fields of the two other files, which are Ferret's; in
`context.jsonl` the text is taken from `text` or `caption`. Without `answer.jsonl` there is no
reference, and nothing can be judged.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pixelrefer_ros.errors import DatasetError
from pixelrefer_ros.evaluation.benchmarks.benchmark import Benchmark
from pixelrefer_ros.evaluation.benchmarks.entries import Entry, read_list
from pixelrefer_ros.evaluation.benchmarks.question import Question, ask_about

ANSWERS, CONTEXTS = "answer.jsonl", "context.jsonl"
CONTEXT_FIELDS = ("text", "caption")


def read_entries(path: Path) -> Iterator[Entry | DatasetError]:
    """Yield each question with its reference, and the context, in the field `references`."""
    answers = _texts(path.with_name(ANSWERS))
    contexts = _texts(path.with_name(CONTEXTS))
    for entry in read_list(path):
        if isinstance(entry, DatasetError):
            yield entry
            continue
        id = str(entry.values.get("question_id"))
        found = [texts[id] for texts in (answers, contexts) if id in texts]
        known = found if id in answers else []
        yield Entry(entry.name, {**entry.values, "references": known})


def _texts(path: Path) -> dict[str, str]:
    """Return the text of each question; nothing where the file is not there."""
    if not path.is_file():
        return {}
    texts = {}
    for line in read_list(path):
        if isinstance(line, DatasetError):
            raise line
        field = next((field for field in CONTEXT_FIELDS if line.has(field)), CONTEXT_FIELDS[0])
        texts[line.key("question_id")] = line.text(field)
    return texts


def questions(entry: Entry, images: Path, is_lite: bool) -> Iterator[Question]:
    """Ask the question as it is."""
    one = not isinstance(entry.values.get("annotation"), list)
    regions = [entry.entry("annotation")] if one else entry.entries("annotation")
    for region in regions:
        if not region.has("segmentation"):
            region.refuse("segmentation", "polygons or run lengths")
    yield ask_about(
        entry.name,
        images,
        {"image": entry.text("image")},
        entry.text("text"),
        [region.values["segmentation"] for region in regions],
        id=entry.key("question_id"),
        references=tuple(entry.values["references"]),
    )


FERRET_BENCH = Benchmark(
    "ferret-bench",
    "Ferret-Bench",
    read_entries,
    questions,
    {"": ("ferret_reasoning",)},
    256,
    beside=(ANSWERS, CONTEXTS),
)

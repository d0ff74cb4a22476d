"""TableRefer, the benchmark of the simulator: five things to ask about what lies on a table.

category       what is it?
phrase         what would you call it?
description    a detailed caption, with attributes known to be true and untrue
qa             colour, material, part, place, relation, state, yes or no: short answers
video_qa       what moves, in four choices, of five types

Its questions are those of `pixelrefer simulate` (docs/simulation.md) with clips in the form of a
quiz, of a seed that is frozen (`simulation/tablerefer.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pixelrefer_ros.evaluation.benchmarks.benchmark import Benchmark
from pixelrefer_ros.evaluation.benchmarks.entries import Entry, read_list
from pixelrefer_ros.evaluation.benchmarks.question import Question, ask_about

TASKS = {
    "category": "category",
    "phrase": "phrase",
    "caption": "phrase",
    "description": "description",
    "video_choice": "video_qa",
    **dict.fromkeys(("colour", "material", "part", "place", "relation", "state", "yes_no"), "qa"),
}
"""What a task of the simulator belongs to here; other tasks are not asked."""

METRICS = {
    "category": ("category_accuracy", "ssim", "siou"),
    "phrase": ("meteor", "cider", "siou"),
    "description": ("attribute_precision", "attribute_recall", "meteor", "cider"),
    "qa": ("answer_accuracy",),
    "video_qa": ("choice_accuracy",),
}


def questions(entry: Entry, images: Path, is_lite: bool) -> Iterator[Question]:
    """Ask what a record asks, if that belongs to the benchmark."""
    kind = entry.text("task")
    task = TASKS.get(kind)
    if task is None:
        return
    [question, _] = entry.entries("conversations")
    is_clip = entry.has("video")
    fields = ("video", "frames", "times") if is_clip else ("image",)
    accepted = tuple(entry.texts("accepted"))
    choices = tuple(entry.texts("choices")) if task == "video_qa" else ()
    if choices:
        entry.check_choice("accepted", accepted[0], choices)
    expected: dict[str, dict[str, object]] = {
        "category": {"category": accepted[0]},
        "phrase": {"references": accepted},
        "description": {
            "references": accepted,
            "positive": tuple(entry.values.get("positive", ())),
            "negative": tuple(entry.values.get("negative", ())),
        },
        "qa": {"references": accepted, "answer": accepted[0], "question_type": kind},
        "video_qa": {
            "choices": choices,
            "answer": accepted[0],
            "question_type": str(entry.values.get("question_type", "")),
        },
    }
    yield ask_about(
        entry.name,
        images,
        {field: entry.values[field] for field in fields},
        question.text("value"),
        entry.items("annotation"),
        id=entry.text("id"),
        task=task,
        **expected[task],
    )


TABLEREFER = Benchmark("tablerefer", "TableRefer", read_list, questions, METRICS, 64)

"""A benchmark in the form of TableRefer: drawn discs, questions with known answers."""

from __future__ import annotations

import json
from pathlib import Path

from known_answers import write, write_discs


def write_benchmark(folder: Path) -> Path:
    """Write pictures, a clip and questions of each task of TableRefer; return the annotations."""
    folder.mkdir(parents=True, exist_ok=True)
    records = write_discs(folder)
    for number, record in enumerate(records):
        record["id"] = f"disc-{number:02d}"
    clip = records[-1]
    choices = ["(a) it stays still", "(b) it falls"]
    clip |= {
        "task": "video_choice",
        "question_type": "future",
        "frames": [f"clip/{k}.png" for k in range(3)],
        "accepted": choices[:1],
        "choices": choices,
    }
    first = next(record for record in records if record["task"] == "caption")
    description = {**first, "id": "described", "task": "description"}
    description |= {"positive": ["red", "ball"], "negative": ["blue", "mug"]}
    other = {**first, "id": "size", "task": "size"}  # not a part of the benchmark
    write(folder, [*records, description, other])
    return folder / "annotations.json"


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]

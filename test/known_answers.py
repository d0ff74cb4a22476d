"""A data set in the form of the simulator's: coloured discs, and questions with known answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
from drawn_shapes import run_lengths, shape

PICTURES = 4
TIMES = [0.0, 0.2, 0.4]


def write_discs(folder: Path) -> list[dict[str, Any]]:
    """Write pictures of one disc each and a clip, six questions about each; return the records."""
    records: list[dict[str, Any]] = []
    for number in range(PICTURES):
        image, mask, colour = shape(number)
        cv2.imwrite(str(folder / f"{number}.png"), image[..., ::-1])
        head = {"image": f"{number}.png", "annotation": [{"0": segmentation(mask)}]}
        areas = [500 if number == 0 else 5000]
        records += [
            record(head, areas, "colour", "What colour is <region>?", colour),
            record(head, areas, "category", "What is <region>?", "ball", "sphere"),
            record(head, areas, "yes_no", "Is <region> red?", "yes"),
            record(head, areas, "yes_no", "Is <region> blue?", "no"),
            record(head, areas, "caption", "Describe <region>.", f"{colour} ball"),
        ]
    track = {}
    for frame in range(len(TIMES)):
        image, mask, _ = shape(frame)
        (folder / "clip").mkdir(exist_ok=True)
        cv2.imwrite(str(folder / "clip" / f"{frame}.png"), image[..., ::-1])
        track[str(frame)] = segmentation(mask)
    clip = {"video": "clip", "times": TIMES, "annotation": [track]}
    records.append(record(clip, [3000], "motion", "How does <region> move?", "left"))
    write(folder, records)
    return records


def record(
    head: dict[str, Any], areas: list[int], task: str, question: str, *accepted: str
) -> dict[str, Any]:
    return {
        **head,
        "conversations": [
            {"from": "human", "value": question},
            {"from": "gpt", "value": accepted[0]},
        ],
        "task": task,
        "expected": accepted[0],
        "accepted": list(accepted),
        "areas": areas,
    }


def segmentation(mask: Any) -> dict[str, Any]:
    return {"segmentation": {"size": [*mask.shape], "counts": run_lengths(mask)}}


def write(folder: Path, records: list[dict[str, Any]]) -> None:
    (folder / "annotations.json").write_text(json.dumps(records))

"""A data set of coloured shapes on grey, drawn in no time, with masks in every form."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

COLOURS = {"red": (220, 30, 30), "green": (30, 170, 40), "blue": (30, 60, 220)}
HEIGHT, WIDTH = 84, 112

SMALL_MODEL: dict[str, Any] = {
    "vision_width": 32,
    "vision_layers": 1,
    "vision_heads": 2,
    "language_width": 32,
    "language_layers": 1,
    "language_heads": 2,
    "language_key_heads": 1,
    "region_tokens": 4,
    "vocabulary": 400,
}


def run_lengths(mask: np.ndarray) -> list[int]:
    """Encode a mask column by column, beginning with the pixels outside."""
    flat = np.concatenate([[False], mask.T.ravel(), [False]]).astype(np.int8)
    edges = np.flatnonzero(np.diff(flat))
    return np.diff(np.concatenate([[0], edges, [mask.size]])).tolist()


def shape(number: int) -> tuple[np.ndarray, np.ndarray, str]:
    """Draw a disc somewhere: image, mask and colour."""
    colour = list(COLOURS)[number % len(COLOURS)]
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    centre = (30 + 11 * number % 50, 30 + 7 * number % 25)
    cv2.circle(mask, centre, 12 + number % 8, 1, -1)
    image = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    image[mask > 0] = COLOURS[colour]
    return image, mask > 0, colour


def write_shapes(folder: Path, count: int = 6) -> Path:
    """Write pictures and a data set of one question each; return the data set."""
    records = []
    for number in range(count):
        image, mask, colour = shape(number)
        cv2.imwrite(str(folder / f"{number}.png"), image[..., ::-1])
        records.append(record(f"{number}.png", mask, colour))
    return write_records(folder / "shapes.jsonl", records)


def record(image: str, mask: np.ndarray, colour: str) -> dict[str, Any]:
    return {
        "image": image,
        "task": "colour",
        "conversations": [
            {"from": "human", "value": "<image>\nWhich colour has <region>?"},
            {"from": "gpt", "value": colour},
        ],
        "annotation": [{"size": [*mask.shape], "counts": run_lengths(mask)}],
    }


def write_records(path: Path, records: list[Any]) -> Path:
    """Write one record to a line; text stays as it is."""
    lines = [r if isinstance(r, str) else json.dumps(r) for r in records]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def settings(shapes: Path, output: Path, /, **changes: Any) -> dict[str, Any]:
    """Return a configuration of a few fast steps."""
    values: dict[str, Any] = {
        "output": str(output),
        "start": {"scratch": SMALL_MODEL},
        "model": {"local_view_patches": 4, "global_view_patches": 4},
        "data": {"files": [{"path": str(shapes)}], "workers": 0},
        "rates": {
            "vision_encoder": 3e-3,
            "projector": 0.0,
            "object_encoder": 3e-3,
            "language_model": 3e-3,
        },
        "steps": 4,
        "global_batch": 6,
        "micro_batch": 3,
        "precision": "float32",
    }
    return values | changes

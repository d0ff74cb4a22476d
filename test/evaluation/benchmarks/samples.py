"""Small samples of the published annotation files, about drawn discs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
from drawn_shapes import HEIGHT, WIDTH, run_lengths, shape

SQUARE = [20, 10, 60, 10, 60, 40, 20, 40]
"""A polygon on the pictures."""


def write_pictures(folder: Path, count: int = 3) -> Path:
    """Write pictures 0.png, 1.png, ... of a disc each; return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        cv2.imwrite(str(folder / f"{number}.png"), shape(number)[0][..., ::-1])
    return folder


def write_video(path: Path, frames: int = 12, rate: float = 8.0) -> Path:
    """Write a film in which frame k is of the grey 20 k."""
    path.parent.mkdir(parents=True, exist_ok=True)
    film = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), rate, (WIDTH, HEIGHT))
    for number in range(frames):
        image = shape(0)[0]
        image[:] = 20 * number
        film.write(image)
    film.release()
    return path


def runs(number: int) -> dict[str, Any]:
    """Return the mask of the disc of a picture as run lengths."""
    return {"size": [HEIGHT, WIDTH], "counts": run_lengths(shape(number)[1])}


def write_json(path: Path, values: Any) -> Path:
    path.write_text(json.dumps(values), encoding="utf-8")
    return path


def osprey(folder: Path) -> Path:
    entries = [
        {
            "file_name": f"{number}.png",
            "height": HEIGHT,
            "width": WIDTH,
            "categories": ["cutting_board", "mug:handle"],
            "annotations": [{"segmentation": runs(number)}, {"segmentation": [SQUARE]}],
        }
        for number in range(2)
    ]
    return write_json(folder / "lvis.json", entries)


def coco(folder: Path, **changes: Any) -> Path:
    annotation = {"id": 7, "image_id": 3, "bbox": [-2, 10.5, 40, 20], "caption": "a red disc"}
    values = {
        "images": [{"id": 3, "file_name": "0.png", "height": HEIGHT, "width": WIDTH}],
        "annotations": [{**annotation, **changes}, {**annotation, "id": 8, "image_id": 4}],
    }
    return write_json(folder / "vg.json", values)


def ref_l4_rows() -> list[dict[str, Any]]:
    row = {"file_name": "0.png", "height": HEIGHT, "width": WIDTH, "image_id": 1}
    return [
        {**row, "id": 1, "bbox_id": 5, "bbox": [20.0, 10.0, 40.0, 30.0], "caption": "a red disc",
         "ori_category_id": "o365_12"},
        {**row, "id": 2, "bbox_id": 5, "bbox": [20.0, 10.0, 40.0, 30.0], "caption": "the disc",
         "ori_category_id": "o365_12"},
        {**row, "id": 3, "bbox_id": 6, "bbox": [0.0, 0.0, 9.0, 9.0], "caption": "a corner",
         "ori_category_id": "refcoco_3"},
    ]  # fmt: skip


def dlc_bench(folder: Path) -> Path:
    asked = [
        {"type": "recognition", "question": "What is it?", "choices": [["Disc", "correct"]]},
        {"type": "positive", "question": "Which colour?", "choices": [["Blue", -1], ["Red", 1]]},
        {"type": "negative", "question": "Is there a lid?", "choices": [["No", 1], ["Yes", -1]]},
    ]
    write_json(folder / "qa.json", {"7": asked})
    write_json(folder / "class_names.json", {"7": "disc"})
    values = {
        "images": [{"id": 3, "file_name": "0.png"}],
        "annotations": [{"id": 7, "image_id": 3, "segmentation": runs(0)}],
    }
    return write_json(folder / "annotations.json", values)


def ferret_bench(folder: Path) -> Path:
    lines = [{"question_id": 1, "text": "Because it rolls."}]
    (folder / "answer.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n")
    (folder / "context.jsonl").write_text('{"question_id": 1, "caption": "A red disc."}\n')
    entries = [
        {
            "question_id": number,
            "image": "0.png",
            "category": "refer_reason",
            "text": "Why is <region> round?",
            "annotation": {"segmentation": [SQUARE], "bbox": [20, 10, 40, 30]},
        }
        for number in (1, 2)
    ]
    return write_json(folder / "box_refer_reason.json", entries)


def videorefer_d(folder: Path) -> Path:
    entry = {
        "id": 0,
        "video": "film.avi",
        "caption": "A disc that gets brighter.",
        "frame_idx": "6",
        "annotation": [{"2": {"segmentation": runs(0)}, "6": {"segmentation": runs(1)}}],
    }
    return write_json(folder / "d.json", [entry])


def videorefer_q(folder: Path) -> Path:
    entry = {
        "id": 4,
        "video": "clips/disc",
        "Question": "What is <object3><region> next to <object1><region>?",
        "type": "Basic Questions",
        "options": ["(A) A disc", "(B) A hat"],
        "Answer": "(A) A disc",
        "frame_idx": "0",
        "annotation": [
            {"0": {"segmentation": runs(0)}, "2": {"segmentation": runs(2)}},
            {"2": {"segmentation": [SQUARE]}},
        ],
    }
    return write_json(folder / "q.json", [entry])


def hc_stvg(folder: Path) -> Path:
    values = {
        "film.avi": {
            "bbox": [[10, 10, 30, 40]] * 10,
            "st_frame": 3,
            "img_num": 160,
            "caption": "The disc gets brighter.",
        },
        "other.avi": {"bbox": [], "st_frame": 1, "img_num": 160, "English": "Nothing."},
    }
    return write_json(folder / "hc.json", values)

"""Any JSON as questions or as a data set: read, or refused with a typed error."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from fuzzing import check_message, fuzz
from hypothesis import strategies as st

from pixelrefer_ros.datasets.conversations import read_conversation
from pixelrefer_ros.datasets.masks import decode_counts, decode_mask
from pixelrefer_ros.datasets.records import DataFile, Record, read_records
from pixelrefer_ros.demo.questions import read_questions
from pixelrefer_ros.errors import CommandError, DatasetError, PixelReferError

sys.path.insert(0, str(Path(__file__).parents[1] / "evaluation" / "benchmarks"))
import samples

NUMBERS = st.one_of(
    st.integers(-3, 200),
    st.sampled_from([2**31, 2**63, 10**400, -1, 0.5, float("nan"), float("inf"), 1e308]),
)
SCALARS = st.one_of(NUMBERS, st.none(), st.booleans(), st.text(max_size=8))
PATHS = st.sampled_from(
    ["mask.png", "picture.png", "", ".", "..", "../../etc/passwd", "/etc/passwd", "/dev/zero",
     "missing.png", "frames", "text.png", "a\0b", "\ud800", "x" * 5000, "~root/x",
     "film.avi", "film.avi#1", "film.avi#99", "missing.mp4", "a\0.mp4", "text.png#0"]
)  # fmt: skip
JSON = st.recursive(
    SCALARS | PATHS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)
POINTS = st.lists(st.lists(NUMBERS, min_size=2, max_size=2), max_size=6)
COUNTS = st.one_of(
    st.just([19_200 // 2, 19_200 // 2]),
    st.lists(st.integers(-5, 30_000), max_size=5),
    st.text(st.characters(min_codepoint=40, max_codepoint=120), max_size=20),
    JSON,
)
MASKS = st.one_of(
    st.builds(lambda c, s: {"size": s, "counts": c}, COUNTS, st.just([120, 160]) | JSON),
    st.lists(NUMBERS, max_size=9),
    st.lists(st.lists(NUMBERS, max_size=9), max_size=3),
    JSON,
)


def record(image: object, turns: object, annotation: object, extra: object) -> dict:
    values = {"image": image, "conversations": turns, "annotation": annotation}
    return values | (extra if isinstance(extra, dict) else {})


TURNS = st.one_of(
    st.builds(
        lambda said, answer: [{"from": "human", "value": said}, {"from": "gpt", "value": answer}],
        st.just("What is <region>?") | st.text(max_size=30) | JSON,
        st.text(max_size=30) | JSON,
    ),
    JSON,
)
FRAME_NUMBERS = st.sampled_from(["0", "1", "9", "-1", "\N{SUPERSCRIPT TWO}", "9" * 99])
RECORDS = st.one_of(
    st.builds(
        record,
        st.just("picture.png") | PATHS | JSON,
        TURNS,
        st.lists(MASKS, min_size=1, max_size=1) | JSON,
        JSON,
    ),
    st.builds(
        lambda video, turns, tracks, more: (
            {"video": video, "conversations": turns, "annotation": tracks} | more
        ),
        st.sampled_from(["frames", "film.avi"]) | st.lists(PATHS, max_size=3) | JSON,
        TURNS,
        st.lists(st.dictionaries(FRAME_NUMBERS, MASKS), max_size=2),
        st.dictionaries(st.sampled_from(["times", "fps", "frames", "masks"]), JSON, max_size=2),
    ),
    JSON,
)  # fmt: skip
QUESTIONS = st.one_of(
    st.dictionaries(
        st.sampled_from(["box", "polygon", "mask", "prompt", "stamp_ns", "object_id", "regions"]),
        st.lists(NUMBERS, min_size=4, max_size=4) | POINTS | PATHS | JSON,
        max_size=3,
    ),
    JSON,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    picture = np.random.default_rng(0).integers(0, 255, (120, 160, 3), np.uint8)
    (folder / "frames").mkdir()
    for name in ("picture.png", "frames/0.png", "frames/1.png"):
        cv2.imwrite(str(folder / name), picture)
    cv2.imwrite(str(folder / "mask.png"), picture[..., 0] // 128)
    (folder / "text.png").write_text("not a picture")
    samples.write_video(folder / "film.avi", frames=2)
    return folder


@fuzz(700, entries=st.lists(QUESTIONS, max_size=2) | JSON)
def test_any_questions(entries, folder):
    path = folder / "questions.json"
    path.write_text(json.dumps(entries))
    try:
        questions = read_questions(path)
    except CommandError as error:
        check_message(error)
        return
    assert questions
    for question in questions:
        for region in question.regions:
            try:
                region.to_mask(120, 160)
            except PixelReferError as error:
                check_message(error)


@fuzz(700, values=RECORDS)
def test_any_record(values, folder):
    for is_lite in (True, False):
        try:
            conversation = read_conversation(
                Record("r", folder, json.dumps(values)), is_lite=is_lite
            )
        except DatasetError as error:
            check_message(error)
            continue
        for masks in conversation.objects:
            for frame, mask in masks:
                assert mask.shape == conversation.images[frame].shape[:2]


@fuzz(400, value=MASKS)
def test_any_mask(value):
    try:
        mask = decode_mask(value, 120, 160)
    except DatasetError as error:
        check_message(error)
        return
    assert mask.shape == (120, 160)


@fuzz(200, text=st.text(max_size=40))
def test_any_counts(text):
    try:
        counts = decode_counts(text)
    except DatasetError:
        return
    assert all(isinstance(count, int) for count in counts)


@fuzz(
    300,
    text=st.text(max_size=60) | JSON.map(json.dumps),
    suffix=st.sampled_from([".json", ".jsonl"]),
)
def test_any_file_of_records(text, suffix, folder):
    path = folder / f"records{suffix}"
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    try:
        records = read_records([DataFile(str(path), tasks=("naming",))]).records
    except DatasetError as error:
        check_message(error)
        return
    assert list(records)


DEEP = "[" * 200_000


@pytest.mark.parametrize("text", [DEEP, DEEP + "]" * 200_000, '{"a":' * 200_000])
def test_json_nested_without_end(text, tmp_path):
    path = tmp_path / "deep.json"
    path.write_text(text)
    with pytest.raises(CommandError, match=r"deep\.json.*is not JSON"):
        read_questions(path)
    with pytest.raises(DatasetError, match=r"deep\.json.*not readable"):
        read_records([DataFile(str(path))])
    with pytest.raises(DatasetError, match="not readable as JSON"):
        Record("r", tmp_path, text).values()

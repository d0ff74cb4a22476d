"""Any YAML as queries of a replay: read, or refused with an error that names file and line."""

from __future__ import annotations

import json
import re
import time
import tracemalloc
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from fuzzing import check_message, fuzz
from hostile_texts import TEXTS
from hypothesis import strategies as st

from pixelrefer_ros.errors import CommandError, PixelReferError
from pixelrefer_ros.replay.queries import read_queries

FIELDS = [
    "id", "topic", "stamp", "stamp_ns", "regions", "prompt", "num_frames", "history",
    "references", "category", "choices", "answer", "positive", "negative",
]  # fmt: skip
SCALARS = st.one_of(
    st.integers(-3, 300),
    st.sampled_from([2**31, 2**63, 10**30, 10**400, 0.5, -0.0, 1e308]).map(str),
    st.sampled_from(
        [".nan", ".inf", "1e999", "9" * 5000, "0x1F", "1_000", "12:30:45", "2001-99-99", "~", "no",
         "true", "!!bool x", "!!int x", "!!set {a}", "!!binary '??'", "!<x> y", "&a b", "*a", "<<",
         "|\n  x", "'", '"\\ud800"', '"\\0"', '"\\UFFFFFFFF"', "- -", "? a", "[1", "{", "}", "@",
         "%YAML 1.1", "---", "...", "#", "\t", "\u2028", "\ufeff", "\x07"]
    ),
    TEXTS.map(json.dumps),
    TEXTS,
)  # fmt: skip
PATHS = st.sampled_from(
    ["mask.png", "large.png", "text.png", "", ".", "..", "../mask.png", "/etc/passwd", "/dev/zero",
     "missing.png", "pipe.png", "device.png", "a\0b", "x" * 5000, "~root/x", "folder",
     "folder/../../x"]
).map(json.dumps)  # fmt: skip
NUMBERS = st.integers(-1, 40) | SCALARS


def listed(inner: st.SearchStrategy, least: int = 0, most: int = 4) -> st.SearchStrategy:
    return st.lists(inner, min_size=least, max_size=most).map(
        lambda values: f"[{', '.join(map(str, values))}]"
    )


SHAPES = st.one_of(
    listed(NUMBERS, 4).map(lambda box: f"box: {box}"),
    listed(listed(NUMBERS, 2, 2), 3).map(lambda polygon: f"polygon: {polygon}"),
    PATHS.map(lambda path: f"mask: {path}"),
    st.builds(
        lambda size, counts: f"rle: {{size: {size}, counts: {counts}}}",
        listed(st.sampled_from([1, 2, 8192, 16384, 10**9]), 2, 2) | SCALARS,
        listed(NUMBERS | st.just(8192**2)) | st.just('"' + "o" * 100_000 + '"') | SCALARS,
    ),
    st.builds(lambda key, value: f"{key}: {value}", TEXTS.map(json.dumps), SCALARS),
)
REGIONS = listed(SHAPES.map(lambda shape: f"{{{shape}}}")) | SCALARS
GOOD = {"id": "cup", "stamp": "1.5", "regions": "[{box: [1, 2, 3, 4]}]"}
ENTRIES = st.dictionaries(
    st.sampled_from(FIELDS) | TEXTS.map(json.dumps),
    st.one_of(SCALARS, listed(SCALARS), REGIONS, st.builds(lambda v: f"{{a: {v}}}", SCALARS)),
    max_size=3,
)
FILES = st.one_of(
    st.builds(lambda entry, drop: {**GOOD, **entry} if not drop else entry, ENTRIES, st.booleans())
    .map(lambda entry: "".join(f"\n  {key}: {value}" for key, value in entry.items()))
    .map(lambda entry: "queries:\n-" + entry.removeprefix("\n ") + "\n"),
    SCALARS.map(str),
    listed(SCALARS),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("queries")
    (folder / "folder").mkdir()
    cv2.imwrite(str(folder / "mask.png"), np.eye(40, dtype=np.uint8))
    png = bytearray((folder / "mask.png").read_bytes())
    png[16:24] = (2**30).to_bytes(4, "big") * 2
    (folder / "large.png").write_bytes(png)
    (folder / "text.png").write_text("not a picture")
    (folder / "device.png").symlink_to("/dev/zero")
    return folder


def refused(path: Path) -> str:
    """Read queries; return why they are refused, "" where they are not."""
    try:
        queries = read_queries(path)
    except CommandError as error:
        message = str(error)
        assert re.match(rf"{re.escape(str(path))}:[1-9]\d*: \S", message), message
        assert message.isprintable()
        assert len(message) < 1000
        return message
    assert queries
    return ""


@fuzz(1000, text=FILES)
def test_any_queries(text, folder):
    path = folder / "queries.yaml"
    path.write_text(text, encoding="utf-8")
    if refused(path):
        return
    for query in read_queries(path):
        assert re.fullmatch(r"[A-Za-z0-9._-]{1,100}", query.id)
        for name in ("prompt", "topic", "category", "answer"):
            getattr(query, name).encode()
        for region in query.regions:
            try:
                region.to_mask(40, 40)
            except PixelReferError as error:
                check_message(error)


@fuzz(300, text=st.text("ab0:-?[]{}&*!|>'\"%@`,#~ \n\t\\.<\u2028\x85", max_size=40))
def test_any_text(text, folder):
    path = folder / "text.yaml"
    path.write_text(text, encoding="utf-8")
    assert refused(path)


BOMB = "a: &a [x, x]\n" + "".join(
    f"{name}: &{name} [*{before}, *{before}]\n" for before, name in pairwise("abcdefghij")
)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (BOMB, "2: b[0] is an alias"),
        ("&a {x: *a}", "1: x is an alias"),
        ("queries: &a\n- *a", "2: queries[0] is an alias"),
        ("[" * 20_000, "is nested deeper than 20"),
        ('{"a":' * 20_000, "is nested deeper than 20"),
        ("- " * 20_000, "is nested deeper than 20"),
        ("\n".join(" " * n + "a:" for n in range(1000)), "22: a.a.a"),
        ('queries: "' + "x" * 10**5 + '"', "1: queries is "),
        ("x" * 10**5 + ": 1", "1: "),
        (
            "queries: [{id: a, stamp: 1, regions: [{rle: {size: [9, 9], counts: "
            + "o" * 10**5
            + "}}]}]",
            "rle: the counts of a mask hold a number that is too large",
        ),
    ],
    ids=[
        "bomb",
        "recursive",
        "list",
        "deep",
        "json",
        "dashes",
        "indented",
        "long",
        "key",
        "counts",
    ],
)
def test_what_would_take_time_or_memory_is_refused_before_it_does(text, reason, tmp_path):
    path = tmp_path / "queries.yaml"
    path.write_text(text)
    tracemalloc.start()
    started = time.monotonic()
    message = refused(path)
    took_s, (_, most) = time.monotonic() - started, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert reason in message
    assert took_s < 20
    assert most < 60 * len(text) + 5_000_000

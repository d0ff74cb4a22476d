from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pixelrefer_ros.errors import CommandError
from pixelrefer_ros.regions.reference import Region
from pixelrefer_ros.replay.output_folder import OutputFolder
from pixelrefer_ros.replay.queries import ReplayQuery
from pixelrefer_ros.replay.results import Outcome, Result, Timing, Words

ROOT = Path(__file__).resolve().parents[2]
RUN = {"bag": "/bag", "model": "m", "mode": "offline"}


def query(name: str, fingerprint: str = "f") -> ReplayQuery:
    return ReplayQuery(name, "/t", 5, False, (Region(box=(0, 0, 1, 1)),), fingerprint)


def outcome(name: str, error: str = "", picture: bytes | None = b"jpeg") -> Outcome:
    words = () if error else (Words(("1",), "Eine Tasse, grün", 0.5, False, 4),)
    result = Result(name, "f", "/t", 5, "", "m", (5,), words, error)
    return Outcome(result, Timing(name, 0.25, {"queue": 0.1}), picture)


def test_what_was_written_counts_when_a_run_goes_on(tmp_path):
    queries = [query("a"), query("b"), query("c")]
    folder = OutputFolder(tmp_path, RUN, queries)
    folder.add(outcome("c"))
    folder.add(outcome("a"))
    again = OutputFolder(tmp_path, RUN, queries)
    assert [one.id for one in again.missing] == ["b"]
    assert again.results["a"] == outcome("a").result
    assert again.timings["c"] == outcome("c").timing
    assert again.picture("a").read_bytes() == b"jpeg"
    again.add(outcome("b", picture=None))
    again.finish({"b": {"siou": 0.5}})
    lines = (tmp_path / "results.jsonl").read_text().splitlines()
    assert [json.loads(line)["id"] for line in lines] == ["a", "b", "c"]
    assert [json.loads(line)["scores"] for line in lines] == [{}, {"siou": 0.5}, {}]
    assert not OutputFolder(tmp_path, RUN, queries).missing, "scores do not disturb"


def test_how_far_a_frame_is_from_the_time_asked_about_stands_only_where_one_is_missing(tmp_path):
    far, near = outcome("far"), outcome("near")
    far = replace(far, result=replace(far.result, distance_s=0.3))
    queries = [query("far"), query("near")]
    folder = OutputFolder(tmp_path, RUN, queries)
    folder.add(far)
    folder.add(near)
    written = map(json.loads, (tmp_path / "results.jsonl").read_text().splitlines())
    assert [values.get("distance_s") for values in written] == [0.3, None]
    assert OutputFolder(tmp_path, RUN, queries).results == {"far": far.result, "near": near.result}


def test_a_text_may_hold_ends_of_lines_of_other_kinds(tmp_path):
    words = (Words(("1",), "a\u2028b\u2029c\u0085d", 0.5, False, 4),)
    result = Result("a", "f", "/t", 5, "", "m", (5,), words)
    OutputFolder(tmp_path, RUN, [query("a")]).add(Outcome(result, Timing("a", 0.25), None))
    assert OutputFolder(tmp_path, RUN, [query("a")]).results == {"a": result}


def test_half_a_line_is_asked_again(tmp_path):
    queries = [query("a"), query("b")]
    folder = OutputFolder(tmp_path, RUN, queries)
    folder.add(outcome("a"))
    folder.add(outcome("b"))
    path = tmp_path / "results.jsonl"
    path.write_bytes(path.read_bytes()[:-20])
    again = OutputFolder(tmp_path, RUN, queries)
    assert [one.id for one in again.missing] == ["b"]
    again.add(outcome("b"))
    assert not OutputFolder(tmp_path, RUN, queries).missing


def test_what_changed_or_may_pass_is_asked_again(tmp_path):
    folder = OutputFolder(tmp_path, RUN, [query("a"), query("b"), query("c"), query("d")])
    for one in (outcome("a"), outcome("b", "TIMEOUT"), outcome("c", "INVALID_REGION")):
        folder.add(one)
    folder.add(outcome("d"))
    again = OutputFolder(tmp_path, RUN, [query("a", "other"), query("b"), query("c")])
    assert [one.id for one in again.missing] == ["a", "b"]
    again.finish({})
    assert "INVALID_REGION" in (tmp_path / "results.jsonl").read_text()
    assert len((tmp_path / "results.jsonl").read_text().splitlines()) == 1


def test_another_run_is_not_mixed_in(tmp_path):
    OutputFolder(tmp_path, RUN, [query("a")])
    with pytest.raises(CommandError) as error:
        OutputFolder(tmp_path, {**RUN, "model": "n"}, [query("a")])
    assert "holds another run, with model m, now n: name another folder" in str(error.value)


def test_a_folder_that_cannot_be_written_is_told_in_one_line(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(CommandError) as error:
        OutputFolder(tmp_path / "file" / "out", RUN, [query("a")])
    text = str(error.value)
    assert text == f"--out '{tmp_path}/file/out' cannot be written: Not a directory"


FULL = """
import resource, sys
from pathlib import Path
sys.path.insert(0, "test/replay")
from test_output_folder import OutputFolder, RUN, outcome, query
from pixelrefer_ros.errors import CommandError

queries = [query(str(number)) for number in range(100)]
folder = OutputFolder(Path(sys.argv[1]), RUN, queries)
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, resource.RLIM_INFINITY))
try:
    for one in queries:
        folder.add(outcome(one.id))
except CommandError as error:
    print(len(folder.results), error)
"""


def test_no_room_for_more_keeps_what_was_done(tmp_path):
    """Files may not grow beyond 2000 bytes, which fails as a full disk does."""
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    kept, _, message = done.stdout.strip().partition(" ")
    assert 1 <= int(kept) < 50
    assert message == (
        f"--out '{tmp_path}' cannot be written: File too large; {kept} of 100 results are kept "
        "there, the same command goes on from there"
    )
    again = OutputFolder(tmp_path, RUN, [query(str(number)) for number in range(100)])
    assert len(again.results) == int(kept)

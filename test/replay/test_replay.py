"""`pixelrefer replay` without ROS, on bags of many kinds."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from PIL import Image
from replay_bag import HEIGHT, JPEG, RAW, START_NS, WIDTH, write, write_split
from rosbags.rosbag2 import StoragePlugin

from pixelrefer_ros.cli import main
from pixelrefer_ros.replay.offline import threads_of_each

ROOT = Path(__file__).resolve().parents[2]
QUERIES = f"""\
queries:
- id: square
  topic: {RAW}
  stamp: 0.5
  regions: [{{box: [30, 30, 30, 30]}}]
  prompt: What is <region>?
  category: square
- id: jpeg
  topic: {JPEG}
  stamp_ns: {START_NS + 1_100_000_000}
  regions: [{{polygon: [[54, 30], [84, 30], [84, 60], [54, 60]]}}]
  prompt: What colour is <region>?
  choices: [red, green]
  answer: red
- id: outside
  topic: {RAW}
  stamp: 1.0
  regions: [{{box: [120, 30, 30, 30]}}]
- id: too-late
  topic: {RAW}
  stamp_ns: {START_NS + 9_000_000_000}
  regions: [{{box: [30, 30, 30, 30]}}]
- id: moves
  topic: {RAW}
  stamp: 1.5
  regions: [{{box: [70, 30, 30, 30]}}]
  prompt: Where does <region> go?
  num_frames: 4
  history: 1.2
- id: two
  topic: {RAW}
  stamp: 1.2
  regions: [{{box: [58, 30, 30, 30]}}, {{box: [0, 0, 20, 20]}}]
"""
IDS = ["square", "jpeg", "outside", "too-late", "moves", "two"]
OPTIONS = (
    "--model", "random-tiny", "--max-new-tokens", "6",
    "--segmenter", "none", "--propagator", "none",
    "--metrics", "siou,category_accuracy,choice_accuracy",
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("replay")
    write(path / "bag")
    (path / "queries.yaml").write_text(QUERIES)
    return path


def arguments(folder: Path, out: Path, *others: str, bag: str = "bag") -> list[str]:
    queries = ["--queries", str(folder / "queries.yaml"), "--out", str(out)]
    return ["replay", str(folder / bag), *queries, *OPTIONS, *others]


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def results(out: Path) -> dict[str, dict]:
    return {values["id"]: values for values in map(json.loads, lines(out / "results.jsonl"))}


@pytest.fixture(scope="module")
def out(folder) -> Path:
    assert main(arguments(folder, folder / "out")) == 0
    return folder / "out"


def test_what_is_written(out):
    found = results(out)
    assert list(found) == IDS
    assert [values["error"] for values in found.values()] == [
        "", "", "INVALID_REGION", "FRAME_EVICTED", "", "",
    ]  # fmt: skip
    assert found["square"]["stamp_ns"] == START_NS + 500_000_000
    assert found["square"]["frames_ns"] == [START_NS + 500_000_000]
    assert found["square"]["model_id"] == "random-tiny (random weights)"
    assert set(found["square"]["scores"]) >= {"siou", "category_accuracy"}
    assert found["jpeg"]["topic"] == JPEG
    assert "choice_accuracy" in found["jpeg"]["scores"]
    assert found["outside"]["error_msg"].startswith("regions[0]: box covers x 120 to 150")
    assert "from the nearest frame" in found["too-late"]["error_msg"]
    assert [answer["objects"] for answer in found["two"]["answers"]] == [["1"], ["2"]]
    metrics = json.loads((out / "metrics.json").read_text())
    assert (metrics["queries"], metrics["answered"]) == (6, 4)
    assert metrics["errors"] == {"FRAME_EVICTED": 1, "INVALID_REGION": 1}
    assert metrics["metrics"]["choice_accuracy"]["n"] == 1
    latency = json.loads((out / "latency.json").read_text())
    assert latency["latency_s"]["n"] == 4
    assert set(latency["stages_s"]) == {
        "read", "find", "queue", "preprocess", "encode", "generate",
    }  # fmt: skip
    assert latency["age_s"] is None
    pictures = {path.stem for path in (out / "pictures").iterdir()}
    assert pictures == {"square", "jpeg", "outside", "moves", "two"}


def test_two_runs_write_the_same(folder, out):
    assert main(arguments(folder, folder / "again")) == 0
    for name in ("results.jsonl", "metrics.json", "run.json"):
        assert (folder / "again" / name).read_bytes() == (out / name).read_bytes(), name
    for picture in (out / "pictures").iterdir():
        again = folder / "again" / "pictures" / picture.name
        assert again.read_bytes() == picture.read_bytes()


def test_workers_write_the_same(folder, out):
    command = [sys.executable, "-m", "pixelrefer_ros.cli"]
    done = subprocess.run(
        [*command, *arguments(folder, folder / "workers", "--workers", "2")],
        cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for name in ("results.jsonl", "metrics.json"):
        assert (folder / "workers" / name).read_bytes() == (out / name).read_bytes(), name


def test_a_killed_run_goes_on(folder):
    many = folder / "many.yaml"
    entry = "- {{id: q{0}, topic: {1}, stamp: 1, regions: [{{box: [{0}, 9, 9, 9]}}]}}\n"
    many.write_text("queries:\n" + "".join(entry.format(n, RAW) for n in range(60)))
    for attempt in range(3):  # where the computer stalls, the run may end before it is killed
        target = folder / f"killed{attempt}"
        command = ["replay", str(folder / "bag"), "--queries", str(many), "--out", str(target)]
        running = subprocess.Popen(
            [sys.executable, "-m", "pixelrefer_ros.cli", *command, *OPTIONS],
            cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        deadline = time.monotonic() + 120
        while len(lines(target / "results.jsonl")) < 3 and running.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.005)
        running.kill()
        running.wait(30)
        before = lines(target / "results.jsonl")
        if len(before) < 60:
            break
    assert 3 <= len(before) < 60
    times = lines(target / "timings.jsonl")[: len(before) - 1]
    assert main([*command, *OPTIONS]) == 0
    assert list(results(target)) == [f"q{n}" for n in range(60)]
    assert lines(target / "timings.jsonl")[: len(times)] == times
    whole = folder / "whole"
    command[-1] = str(whole)
    assert main([*command, *OPTIONS]) == 0
    assert (whole / "results.jsonl").read_bytes() == (target / "results.jsonl").read_bytes()


@pytest.mark.parametrize("kind", ["sqlite3", "split"])
def test_other_kinds_of_bags_give_the_same_answers(folder, out, kind):
    if kind == "split":
        write_split(folder / kind)
    else:
        write(folder / kind, storage=StoragePlugin.SQLITE3)
    assert main(arguments(folder, folder / f"out-{kind}", bag=kind)) == 0
    assert results(folder / f"out-{kind}") == results(out)


def test_a_bag_that_lacks_a_file_is_refused_whole(folder, tmp_path, capsys):
    (write_split(tmp_path / "bag") / "second.mcap").unlink()
    given = ["--queries", str(folder / "queries.yaml"), "--out", str(tmp_path / "out")]
    assert main(["replay", str(tmp_path / "bag"), *given, *OPTIONS]) == 2
    assert "files are missing" in capsys.readouterr().err


def test_broken_and_missing_messages_are_told_and_left_out(folder, capsys):
    numbers = [n for n in range(20) if n != 10]
    write(folder / "broken", numbers, broken=[5, 6])
    target = folder / "out-broken"
    assert main(arguments(folder, target, bag="broken")) == 0
    found = results(target)
    assert found["square"]["error"] == "", "the frame beside it is there"
    assert found["square"]["stamp_ns"] in (START_NS + 400_000_000, START_NS + 700_000_000)
    metrics = json.loads((target / "metrics.json").read_text())
    assert metrics["broken_messages"] == {RAW: 2, JPEG: 2}
    assert "2 of /camera/image_raw" in capsys.readouterr().out
    assert f"2 messages of {RAW} cannot be read" in (target / "report.html").read_text()


def test_a_frame_far_from_the_time_asked_about_is_told(folder, tmp_path):
    write(tmp_path / "bag", [*range(5), *range(11, 20)])
    (tmp_path / "queries.yaml").write_text(
        f"queries:\n- {{id: far, topic: {RAW}, stamp: 0.7, regions: [{{box: [9, 9, 9, 9]}}]}}\n"
        f"- {{id: late, topic: {RAW}, stamp: 0.8, regions: [{{box: [120, 9, 9, 9]}}]}}\n"
        f"- {{id: near, topic: {RAW}, stamp: 1.0, regions: [{{box: [9, 9, 9, 9]}}]}}\n"
    )
    given = ["--queries", str(tmp_path / "queries.yaml"), "--out", str(tmp_path / "out")]
    assert main(["replay", str(tmp_path / "bag"), *given, *OPTIONS]) == 0
    found = results(tmp_path / "out")
    assert [one["error"] for one in found.values()] == ["", "INVALID_REGION", ""]
    assert [one.get("distance_s") for one in found.values()] == [0.3, 0.3, None]
    report = (tmp_path / "out" / "report.html").read_text()
    assert report.count("0.300 s from the time asked about") == 2


def test_pictures_that_are_missing_are_drawn_the_next_time(folder, out, tmp_path):
    shutil.copytree(out, tmp_path / "out")
    pictures = tmp_path / "out" / "pictures"
    before = (pictures / "square.jpg").read_bytes()
    for name in ("square", "moves"):
        (pictures / f"{name}.jpg").unlink()
    assert main(arguments(folder, tmp_path / "out")) == 0
    assert (pictures / "square.jpg").read_bytes() == before
    assert Image.open(pictures / "moves.jpg").size == (WIDTH, HEIGHT), "the frame pointed at"
    assert not (pictures / "too-late.jpg").exists()
    assert "no picture" in (tmp_path / "out" / "report.html").read_text()


def test_however_many_regions_a_query_has_it_is_asked(folder, tmp_path):
    boxes = ", ".join(f"{{box: [{4 * n}, 9, 9, 9]}}" for n in range(20))
    few = "{box: [70, 30, 30, 30]}, {box: [0, 0, 20, 20]}, {box: [0, 60, 20, 20]}"
    (tmp_path / "queries.yaml").write_text(
        f"queries:\n- {{id: many, topic: {RAW}, stamp: 1, regions: [{boxes}]}}\n"
        f"- {{id: film, topic: {RAW}, stamp: 1, regions: [{few}], num_frames: 6, history: 1}}\n"
        f"- {{id: back, topic: {RAW}, stamp: 1, regions: [{{box: [70, 30, 30, 30]}}], "
        "num_frames: 2}\n"
    )
    given = ["--queries", str(tmp_path / "queries.yaml"), "--out", str(tmp_path / "out")]
    assert main(["replay", str(folder / "bag"), *given, *OPTIONS, "--propagator", "flow"]) == 0
    found = results(tmp_path / "out")
    assert [values["error"] for values in found.values()] == ["", "", ""], found
    assert [len(values["answers"]) for values in found.values()] == [20, 3, 1]
    assert len(found["film"]["frames_ns"]) == 6
    assert found["back"]["frames_ns"] == [START_NS, START_NS + 10**9], "from the start of the bag"


def test_workers_share_the_threads_of_this_process(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    before = torch.get_num_threads()
    try:
        for threads, workers, each in ((1, 2, 1), (3, 2, 3), (8, 2, 4), (8, 9, 1)):
            torch.set_num_threads(threads)
            assert threads_of_each(workers) == each
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--rate", "2"], "--rate goes with --ros only"),
        (["--ros", "--workers", "2"], "--workers does not go with --ros"),
        (["--metrics", "beauty"], "'beauty' is none of ssim, siou, "),
        (["--model", "missing"], "model is 'missing': no such folder"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(folder, tmp_path, capsys, given, message):
    try:
        status = main(arguments(folder, tmp_path / "out", *given))
    except SystemExit as error:
        status = error.code
    assert status == 2
    errors = capsys.readouterr().err
    assert message in errors
    assert errors.startswith("pixelrefer replay: ")
    assert not (tmp_path / "out").exists()


def test_a_topic_that_is_not_there(folder, tmp_path, capsys):
    (tmp_path / "queries.yaml").write_text(QUERIES.replace(RAW, "/rear"))
    given = ["--queries", str(tmp_path / "queries.yaml"), "--out", str(tmp_path / "out")]
    assert main(["replay", str(folder / "bag"), *given, *OPTIONS]) == 2
    assert "has no image topic '/rear" in capsys.readouterr().err


def test_another_model_needs_another_folder(folder, out, capsys):
    assert main(arguments(folder, out, "--max-new-tokens", "7")) == 2
    assert "holds another run, with max_new_tokens 6, now 7" in capsys.readouterr().err


def test_another_bag_at_the_same_path_needs_another_folder(folder, tmp_path, capsys):
    def ask() -> int:
        given = ["--queries", str(folder / "queries.yaml"), "--out", str(tmp_path / "out")]
        return main(["replay", str(tmp_path / "bag"), *given, *OPTIONS])

    file = write(tmp_path / "bag") / "bag.mcap"
    assert ask() == 0
    shutil.copy(folder / "queries.yaml", tmp_path / "bag")
    assert ask() == 0, "a file that is none of the bag's"
    before = file.stat()
    shutil.rmtree(tmp_path / "bag")
    write(tmp_path / "bag", range(1, 20))
    capsys.readouterr()
    assert ask() == 2
    after = file.stat()
    assert (
        f"holds another run, with bag/bag.mcap {before.st_size} bytes changed at "
        f"{before.st_mtime_ns} ns, now {after.st_size} bytes changed at {after.st_mtime_ns} ns: "
        "name another folder"
    ) in capsys.readouterr().err


def test_a_topic_that_begins_with_broken_messages_need_not_be_named(tmp_path):
    write(tmp_path / "bag", broken=[0, 1])
    (tmp_path / "queries.yaml").write_text(
        "queries:\n- {id: square, stamp: 0.5, regions: [{box: [30, 30, 30, 30]}]}\n"
    )
    given = ["--queries", str(tmp_path / "queries.yaml"), "--out", str(tmp_path / "out")]
    assert main(["replay", str(tmp_path / "bag"), *given, *OPTIONS]) == 0
    found = results(tmp_path / "out")["square"]
    assert (found["topic"], found["error"]) == (RAW, "")
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert metrics["broken_messages"] == {RAW: 2}


def test_a_real_recording(tmp_path):
    bag = ROOT.parent / "shared" / "data" / "bags" / "spot_frontleft_mcap"
    if not bag.exists():
        pytest.skip("the recordings beside the checkout are not here")
    (tmp_path / "queries.yaml").write_text(
        "queries:\n"
        "- {id: raw, topic: /spot/camera/frontleft/image, stamp: 0, "
        "regions: [{box: [200, 200, 80, 80]}]}\n"
        "- {id: jpeg, topic: /spot/camera/frontleft/image/compressed, stamp: 0, "
        "regions: [{box: [200, 200, 80, 80]}]}\n"
        "- {id: depth, topic: /spot/depth/frontleft/image, stamp: 0, "
        "regions: [{box: [200, 200, 80, 80]}]}\n"
    )
    command = ["replay", str(bag), "--queries", str(tmp_path / "queries.yaml")]
    assert main([*command, "--out", str(tmp_path / "out"), *OPTIONS]) == 0
    found = results(tmp_path / "out")
    assert [found[name]["error"] for name in ("raw", "jpeg")] == ["", ""]
    assert found["depth"]["error"] == "UNSUPPORTED_ENCODING"

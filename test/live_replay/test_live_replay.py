"""`pixelrefer replay --ros`: node and bag player as processes, DDS between them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from running_processes import wait_until_gone

pytest.importorskip("rclpy", reason="needs ROS 2")

from pixelrefer_ros.resources import find_demo

sys.path.insert(0, str(Path(__file__).parents[1] / "replay"))
from replay_bag import RAW, write

ROOT = Path(__file__).resolve().parents[2]
TRIES = 3
QUERIES = """\
queries:
- id: early
  stamp: 0.5
  regions: [{box: [300, 100, 60, 60]}]
  prompt: What is <region>?
  category: ball
- id: masked
  stamp_ns: 1700000004250000000
  regions: [{mask: vase.png}]
  prompt: What is <region> made of?
  choices: [glass, metal]
  answer: metal
- id: outside
  stamp: 2.0
  regions: [{box: [630, 100, 60, 60]}]
- id: followed
  stamp: 3.0
  num_frames: 3
  history: 1.0
  regions: [{mask: vase.png}]
- id: back
  stamp: 4.0
  num_frames: 2
  regions: [{mask: vase.png}]
- id: never
  stamp: 60
  regions: [{box: [300, 100, 60, 60]}]
"""


def replay(bag: Path, out: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Ask what `queries.yaml` beside `out` has."""
    command = [
        sys.executable, "-m", "pixelrefer_ros.cli", "replay", str(bag),
        "--queries", str(out.parent / "queries.yaml"), "--out", str(out), "--ros", *options,
    ]  # fmt: skip
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False
    )


def replay_without_loss(bag: Path, folder: Path, *options: str) -> tuple[Path, str]:
    """Return `--out` and what was said; a computer that stalls loses frames, and tries again."""
    for attempt in range(TRIES):
        out = folder / f"out{attempt}"
        done = replay(bag, out, *options)
        if not done.returncode and not json.loads((out / "latency.json").read_text())["dropped"]:
            break
    assert done.returncode == 0, done.stderr
    return out, done.stdout


def test_the_node_is_asked_while_the_bag_plays(tmp_path):
    (tmp_path / "queries.yaml").write_text(QUERIES)
    (tmp_path / "vase.png").write_bytes(find_demo("masks/vase.png").read_bytes())
    bag = tmp_path / "recording"
    bag.symlink_to(find_demo("table_top"))
    options = [
        "--rate", "2", "--model", "random-tiny", "--max-new-tokens", "4",
        "--segmenter", "none", "--propagator", "flow", "--metrics", "siou,choice_accuracy",
    ]  # fmt: skip
    out, said = replay_without_loss(bag, tmp_path, *options)
    lines = (out / "results.jsonl").read_text().splitlines()
    early, masked, outside, followed, back, never = map(json.loads, lines)
    assert early["error"] == masked["error"] == "", (early, masked)
    assert early["frames_ns"] == [early["stamp_ns"]] == [1_700_000_000_500_000_000]
    assert masked["frames_ns"] == [1_700_000_004_250_000_000]
    assert early["model_id"] == "random-tiny (random weights)"
    assert early["answers"][0]["objects"] == ["1"]
    assert early["answers"][0]["generated_tokens"] > 0
    assert outside["error"] == "INVALID_REGION"
    assert "box covers x 630 to 690, the image x 0 to 640" in outside["error_msg"]
    assert followed["frames_ns"] == [1_700_000_002_000_000_000 + k * 500_000_000 for k in range(3)]
    assert len(back["frames_ns"]) == 2
    assert back["frames_ns"][0] < 1_700_000_002_000_000_000, "as far back as the buffer reaches"
    assert never["error"] == "FRAME_EVICTED"
    timings = {
        values["id"]: values
        for values in map(json.loads, (out / "timings.jsonl").read_text().splitlines())
    }
    on_time = []
    for name, before_the_end_s in (("early", 4.5), ("masked", 0.75)):
        timing = timings[name]
        stages = timing["stages_s"]
        assert list(stages) == ["queue", "preprocess", "encode", "generate", "transport"]
        assert sum(stages.values()) == pytest.approx(timing["latency_s"], abs=0.002)
        # Twice as fast: two seconds of the bag pass in one of this computer, up to its end, and the
        # node is asked when it has the frame.
        passed_s = 2 * timing["latency_s"]
        on_time.append(min(passed_s, before_the_end_s) - 0.1 < timing["age_s"] < passed_s + 5.0)
    assert any(on_time), timings  # one where the computer stalls
    latency = json.loads((out / "latency.json").read_text())
    assert latency["published"] == 41
    assert 0 < latency["received"] <= 41
    assert latency["dropped"] == 41 - latency["received"]
    assert latency["age_s"]["n"] == 4
    assert {path.stem for path in (out / "pictures").iterdir()} == {
        "early",
        "masked",
        "outside",
        "followed",
        "back",
    }
    assert "age of the frame, p50" in (out / "report.html").read_text()
    assert "frames dropped" in said
    assert (out / "bag_player.log").read_text() == "41 messages published\n"
    wait_until_gone(str(bag))
    # As if the run had been ended while pictures were drawn.
    for name in ("pictures/early.jpg", "latency.json", "report.html"):
        (out / name).unlink()
    again = replay(bag, out, *options)
    assert again.returncode == 0, again.stderr
    same = ("published", "received", "dropped")
    found = json.loads((out / "latency.json").read_text())
    assert [found[name] for name in same] == [latency[name] for name in same]
    assert (out / "pictures" / "early.jpg").exists()
    assert "frames dropped" in (out / "report.html").read_text()


def test_a_bag_whose_time_jumps_back_and_a_query_of_many_regions(tmp_path):
    # Laps of six seconds: however slow the computer, the frames are asked for within their lap.
    write(tmp_path / "bag", range(60), times=2)
    boxes = ", ".join(f"{{box: [{4 * n}, 9, 9, 9]}}" for n in range(20))
    (tmp_path / "queries.yaml").write_text(
        f"queries:\n- {{id: many, topic: {RAW}, stamp: 0.5, regions: [{boxes}]}}\n"
        f"- {{id: long, topic: {RAW}, stamp: 1, regions: [{{box: [30, 30, 30, 30]}}], "
        "num_frames: 2, history: 3600}\n"
    )
    options = ["--model", "random-tiny", "--max-new-tokens", "2"]
    out, _ = replay_without_loss(
        tmp_path / "bag", tmp_path, *options, "--segmenter", "none", "--propagator", "none"
    )
    many, long = map(json.loads, (out / "results.jsonl").read_text().splitlines())
    assert (many["error"], long["error"]) == ("", ""), (many, long)
    assert len(many["answers"]) == 20
    latency = json.loads((out / "latency.json").read_text())
    assert latency["published"] == 60, "120 messages, of each stamp two"
    assert latency["received"] <= 60
    assert latency["dropped"] == 60 - latency["received"]


def test_a_node_that_cannot_start_is_told_in_its_words(tmp_path):
    (tmp_path / "queries.yaml").write_text(QUERIES)
    (tmp_path / "vase.png").write_bytes(find_demo("masks/vase.png").read_bytes())
    (tmp_path / "model").mkdir()
    done = replay(find_demo("table_top"), tmp_path / "out", "--model", str(tmp_path / "model"))
    assert done.returncode == 2
    assert "the node ended with status 1, having said:" in done.stderr
    assert "Traceback" not in done.stderr

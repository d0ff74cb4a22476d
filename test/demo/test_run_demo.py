"""The whole demo: node, bag player and planner as three processes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from running_processes import processes_with, wait_until_gone

pytest.importorskip("rclpy", reason="needs ROS 2")

from pixelrefer_ros.demo.interview import ANSWER_S
from pixelrefer_ros.demo.questions import read_questions
from pixelrefer_ros.demo.run import NODE_PARAMETERS
from pixelrefer_ros.resources import find_demo
from pixelrefer_ros.streams.bag_writer import write_bag
from pixelrefer_ros.streams.frame import Frame
from pixelrefer_ros.streams.image_codec import from_rgb

ROOT = Path(__file__).resolve().parents[2]
NOISE = "The model 'random-tiny' has random weights. Its words are noise"
FIELDS = [
    "camera", "stamp_ns", "object_ids", "prompt", "text", "confidence", "error_code", "error_msg",
    "queue_s", "preprocess_s", "encode_s", "generate_s", "model_id",
]  # fmt: skip


def command(*arguments: str) -> list[str]:
    """Write the command line; a `--model` among the arguments wins."""
    model = ("--model", "random-tiny")
    return [sys.executable, "-m", "pixelrefer_ros.cli", "demo", *model, *arguments]


def demo(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments), cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )


def test_the_node_does_not_give_up_before_the_demo_does():
    assert float(NODE_PARAMETERS["request.watchdog"]) >= ANSWER_S


def test_the_table_top(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "99_old.jpg").touch()
    (out / "keep.txt").touch()
    done = demo("--out", str(out))
    assert done.returncode == 0, done.stderr
    results = json.loads((out / "results.json").read_text())
    questions = read_questions(find_demo("questions.json"))
    assert len(results) == len(questions)
    for entry, question in zip(results, questions, strict=True):
        assert list(entry) == FIELDS
        assert entry["error_code"] == 0, entry["error_msg"]
        assert entry["camera"] == "camera"
        assert entry["stamp_ns"] == question.stamp_ns
        assert entry["object_ids"] == [region.object_id for region in question.regions]
        assert entry["prompt"] == question.prompt
        assert 0 < entry["confidence"] <= 1
        assert min(entry["preprocess_s"], entry["encode_s"], entry["generate_s"]) > 0
        assert entry["model_id"] == "random-tiny (random weights)"
    pictures = sorted(path.name for path in out.glob("*.jpg"))
    assert len(pictures) == len(questions)
    assert pictures[:3] == ["01_car.jpg", "02_ball-in-hand.jpg", "03_candle-1.jpg"]
    for picture in pictures:
        width, height = Image.open(out / picture).size
        assert width == 640
        assert height > 480
    assert (out / "keep.txt").exists()
    before, _, rest = done.stdout.partition("┏")
    table, _, after = rest.rpartition("┘")
    assert NOISE in before
    assert NOISE in after
    assert "expected" in table
    for question in questions:
        assert set(question.expected.split()) <= set(table.split())
    wait_until_gone(str(out))


@pytest.fixture
def bag(tmp_path) -> Path:
    """Two seconds of a raw camera whose stamps are years old."""
    pixels = np.random.default_rng(0).integers(0, 255, (120, 160, 3), np.uint8)
    stamps = [10**18 + n * 100_000_000 for n in range(20)]
    frames = (("/rear/image", Frame("", stamp, "rear", from_rgb(pixels))) for stamp in stamps)
    write_bag(tmp_path / "bag", frames, storage="sqlite3")
    return tmp_path / "bag"


def test_a_bag_with_questions_good_and_bad(tmp_path, bag):
    queries = [
        {"box": [10, 10, 50, 50], "prompt": "What?", "stamp_ns": 10**18 + 500_000_000},
        {"polygon": [[10, 10], [90, 10], [50, 80]], "prompt": "How?"},
        {"box": [10, 10, 50, 50], "stamp_ns": 10**18 + 9_000_000_000, "prompt": "never comes"},
        {"box": [10, 10, 50, 50], "stamp_ns": 10**18 - 9_000_000_000, "prompt": "came before"},
        {"box": [150, 10, 50, 50], "prompt": "outside"},
    ]
    (tmp_path / "queries.json").write_text(json.dumps(queries))
    done = demo(
        "--bag", str(bag), "--queries", str(tmp_path / "queries.json"), "--out", str(tmp_path)
    )
    assert done.returncode == 0, done.stderr
    assert "/rear/image, 20 messages (the first image topic" in done.stdout
    results = json.loads((tmp_path / "results.json").read_text())
    assert [entry["prompt"] for entry in results] == [query["prompt"] for query in queries]
    assert [entry["error_code"] for entry in results] == [0, 0, 12, 12, 20]
    assert results[0]["stamp_ns"] == 10**18 + 500_000_000
    assert results[1]["stamp_ns"] == 10**18 + 1_900_000_000, "no stamp means the last frame"
    assert "7.100000000 s newer than the newest" in results[2]["error_msg"]
    assert "older than the oldest" in results[3]["error_msg"]
    assert results[4]["error_msg"].startswith("regions[0]: box covers x 150 to 200")
    assert [path.name for path in sorted(tmp_path.glob("*.jpg"))] == ["01.jpg", "02.jpg"]
    assert "2 of 5 answered" in done.stdout
    assert (tmp_path / "bag_player.log").read_text() == "20 messages published\n"


def test_ctrl_c_leaves_nothing_behind(tmp_path, bag):
    running = subprocess.Popen(
        command("--bag", str(bag), "--out", str(tmp_path / "out")),
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert running.stdout is not None
    assert any(line.startswith("Player") for line in running.stdout)
    assert processes_with(str(bag))
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate(timeout=120)
    assert running.returncode == 130
    assert "Traceback" not in errors
    wait_until_gone(str(bag))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--bag", "missing"], "bag 'missing' cannot be read"),
        (["--bag", "{bag}", "--topic", "/front"], "no image topic '/front', it has: /rear/image"),
        (["--queries", "missing.json"], "queries 'missing.json' cannot be read"),
        (["--model", "missing"], "model is 'missing': no such folder"),
    ],
)
def test_bad_input_is_answered_before_anything_starts(tmp_path, bag, arguments, message):
    given = [part.format(bag=bag) for part in arguments]
    done = demo(*given, "--out", str(tmp_path / "out"))
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.startswith("pixelrefer demo: ")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out" / "results.json").exists()
    assert "Node " not in done.stdout


def test_a_model_that_cannot_be_loaded_is_told_in_the_nodes_words(tmp_path, bag):
    (tmp_path / "model").mkdir()
    done = demo("--bag", str(bag), "--model", str(tmp_path / "model"), "--out", str(tmp_path))
    assert done.returncode == 2
    assert done.stderr.startswith("pixelrefer demo: the node ended with status 1, having said:")
    assert "cannot configure" in done.stderr

"""`pixelrefer motion`: a node, a bag player and the questions, each a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from known_answers import TIMES, write, write_discs

from pixelrefer_ros.datasets.pictures import read_image
from pixelrefer_ros.datasets.records import Record
from pixelrefer_ros.engine.describer import Describer
from pixelrefer_ros.evaluation.items import Item
from pixelrefer_ros.resources import find_model

pytest.importorskip("rclpy", reason="needs ROS 2")

from pixelrefer_ros.motion.comparison import ANSWER_S, NODE_PARAMETERS

ROOT = Path(__file__).resolve().parents[2]
MODEL = "random-tiny"


def run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pixelrefer_ros.cli", "motion", "--data", str(folder)]
    return subprocess.run(
        [*command, "--model", MODEL, *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def write_clip(folder: Path) -> Item:
    records = write_discs(folder)
    records[-1]["frames"] = [f"clip/{frame}.png" for frame in range(len(TIMES))]
    write(folder, records)
    return Item.of_record(Record("clip", folder, json.dumps(records[-1])))


def test_the_node_does_not_give_up_before_the_comparison_does():
    assert float(NODE_PARAMETERS["request.watchdog"]) >= ANSWER_S


def test_what_the_model_says_about_true_masks_is_what_the_node_says(tmp_path):
    item = write_clip(tmp_path)
    with Describer.from_pretrained(find_model(MODEL)) as describer:
        [answer] = describer.submit(item.query(read_image, 64)).result(60)
    write(tmp_path, [{**item.record.values(), "accepted": [answer.text]}])
    done = run(tmp_path, "--json", "--segmenter", "none", "--propagator", "none")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    right = {"accuracy": 1.0, "n": 1}
    assert found["masks_on_all_frames"] == {**right, "by_motion": {answer.text: right}}
    assert found["mask_on_one_frame"]["n"] == found["box_on_one_frame"]["n"] == 1
    assert (found["failed"], found["data"]) == (0, str(tmp_path))
    assert found["model"].startswith(MODEL)
    assert "3/3" in done.stderr


def test_a_data_set_without_motion_is_refused_in_one_line(tmp_path):
    write(tmp_path, write_discs(tmp_path)[:-1])
    done = run(tmp_path)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].endswith("no records of the tasks ['motion']")

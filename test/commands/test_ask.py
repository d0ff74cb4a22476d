"""`pixelrefer node` and `pixelrefer ask`, each in a process of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("rclpy", reason="needs ROS 2")
from live_node import LiveNode

BOX = ("--box", "120,80,64,48")


@pytest.fixture(scope="module")
def node(tmp_path_factory) -> Iterator[LiveNode]:
    node = LiveNode(tmp_path_factory.mktemp("live_node"))
    yield node
    assert node.stop() == 0


def test_the_newest_frame_is_asked_about(node):
    done = node.ask(*BOX, "--object-id", "cup", "--prompt", "What is this?", "--json")
    assert done.returncode == 0, done.stderr + node.log()
    [entry] = json.loads(done.stdout)
    assert entry["stamp_ns"] == node.stamps_ns[-1]
    assert entry["object_ids"] == ["cup"]
    assert entry["prompt"] == "What is this?"
    assert 0 < entry["confidence"] <= 1
    assert entry["generate_s"] > 0
    assert entry["model_id"] == "random-tiny (random weights)"


def test_other_frames_are_named_by_stamp(node):
    both = ("--stamp", str(node.stamps_ns[2]), "--stamp", str(node.stamps_ns[5]))
    done = node.ask(*BOX, "--polygon", "10,10 90,10 50,80", *both, "--json")
    assert done.returncode == 0, done.stderr
    stamps = [entry["stamp_ns"] for entry in json.loads(done.stdout)]
    assert stamps == [node.stamps_ns[2], node.stamps_ns[5]]


def test_a_region_is_followed_back_from_the_frame_pointed_at(node):
    done = node.ask(*BOX, "--frames", "4", "--history", "0.2", "--json")
    assert done.returncode == 0, done.stderr + node.log()
    [entry] = json.loads(done.stdout)
    assert entry["stamp_ns"] == node.stamps_ns[-1]
    assert entry["object_ids"] == [""]


def test_points_outside_the_picture_are_refused_by_the_node(node):
    done = node.ask("--point", "152,104 900,104")
    assert done.returncode == 1
    assert "INVALID_REGION (20): regions[0]: points[1] is (900, 104)" in done.stderr


def test_a_joint_question_about_a_mask_and_a_box(node, tmp_path):
    mask = np.zeros((480, 640), np.uint8)
    mask[100:200, 300:400] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    done = node.ask(*BOX, "--mask", str(tmp_path / "mask.png"), "--prompt", "<region> or <region>?")
    assert done.returncode == 0, done.stderr
    assert "<region> or <region>?" in done.stdout
    assert "Its words are noise" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--box", "600,0,64,48"], "INVALID_REGION (20): regions[0]: box covers x 600 to 664"),
        ([*BOX, "--camera", "rear"], "UNKNOWN_CAMERA (10): camera is 'rear'"),
        ([*BOX, "--stamp", "5.0"], "FRAME_EVICTED (12): regions[0].header.stamp: stamp 5.0"),
    ],
)
def test_an_error_code_is_told_with_its_name(node, arguments, message):
    done = node.ask(*arguments)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith(f"pixelrefer ask: {message}")
    assert done.stderr.count("\n") == 1


def test_an_error_is_json_too(node):
    done = node.ask(*BOX, "--camera", "rear", "--json")
    assert done.returncode == 1
    [entry] = json.loads(done.stdout)
    assert entry["error_code"] == 10
    assert "rear" in entry["error_msg"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "no region: give at least one"),
        (["--box", "-1,0,64,48"], "box is -1,0,64,48, each must be from 0"),
        ([*BOX, "--frames", "256"], "argument --frames: '256' is above 255 frames"),
        (["--point", "9"], "points[0] is '9', needs 2 numbers"),
        ([*BOX, "--timeout", "0"], "argument --timeout: '0' is not a number above 0"),
        ([*BOX, "--node", "/no one"], "argument --node: '/no one' is no name of a node"),
        ([*BOX, "--node", "/robot1/pixelrefer"], "no node '/robot1/pixelrefer' within 10 s"),
    ],
)
def test_wrong_input_is_answered_in_one_line(node, arguments, message):
    done = node.ask(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"pixelrefer ask: {message}")
    assert done.stderr.count("\n") == 1

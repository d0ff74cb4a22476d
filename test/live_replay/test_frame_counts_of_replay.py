from __future__ import annotations

import sys
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

from pixelrefer_ros.live_replay.run import count_frames
from pixelrefer_ros.regions.reference import Region
from pixelrefer_ros.replay.queries import ReplayQuery
from pixelrefer_ros.replay.recording import Recording

sys.path.insert(0, str(Path(__file__).parents[1] / "replay"))
from replay_bag import RAW, START_NS, write


def test_a_frame_that_comes_again_after_a_jump_of_time_counts_once(tmp_path):
    path = write(tmp_path / "bag", times=2)
    query = ReplayQuery("q", RAW, START_NS, False, (Region(box=(0, 0, 9, 9)),), "f")
    recording = Recording.open(str(path), [query])
    places = recording.indices[RAW].places
    assert len(places) == 40
    received = {"camera_1": {place.stamp_ns for place in places[1:20]}}
    assert count_frames(recording, received) == {"published": 20, "received": 19, "dropped": 1}

"""Which frames a planner sees arrive, of a node that is none."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

from builtin_interfaces.msg import Time
from std_msgs.msg import Header

from pixelrefer_ros.live_replay import planner as planning
from pixelrefer_ros.live_replay.planner import Planner
from pixelrefer_ros.streams.bag_index import FramePlace

SECOND = 1_000_000_000


class SlowNode:
    """Holds the frames of second 1 and 2; those of 3 when it has been asked `after` times."""

    def __init__(self, after: int) -> None:
        self.asked = 0
        self._after = after

    def list_frames(self, camera: str) -> list[Header]:
        self.asked += 1
        newest = 3 if self.asked > self._after else 2
        return [Header(stamp=Time(sec=second)) for second in range(1, newest + 1)]


def received(node: SlowNode, cameras: int = 1) -> dict[str, set[int]]:
    """Return what was seen of a bag of three seconds that has been played to its end."""
    clock = SimpleNamespace(now_ns=3 * SECOND)
    last = {f"camera_{k}": FramePlace(3 * SECOND, 0, 3 * SECOND, 9) for k in range(cameras)}
    planner = Planner(node, clock, last)
    assert not list(planner.hold([], lambda: None))
    return planner.received


def test_the_last_frames_are_waited_for(monkeypatch):
    monkeypatch.setattr(planning, "ARRIVAL_LISTINGS", 1000)
    node = SlowNode(after=5)
    stamps = {SECOND, 2 * SECOND, 3 * SECOND}
    assert received(node, cameras=2) == {"camera_0": stamps, "camera_1": stamps}
    assert node.asked <= 8


def test_but_not_for_long(monkeypatch):
    monkeypatch.setattr(planning, "ARRIVAL_LISTINGS", 10)
    node = SlowNode(after=10**6)
    assert received(node) == {"camera_0": {SECOND, 2 * SECOND}}
    assert node.asked == 10


def test_a_process_that_ends_meanwhile_is_heard():
    def check() -> None:
        raise RuntimeError("the node ended")

    place = FramePlace(3 * SECOND, 0, 3 * SECOND, 9)
    planner = Planner(SlowNode(after=9), SimpleNamespace(now_ns=3 * SECOND), {"camera": place})
    with pytest.raises(RuntimeError, match="the node ended"):
        list(planner.hold([], check))

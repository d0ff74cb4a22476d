"""The server of `~/track_region`, without a camera."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

from rclpy.action import ActionClient

from pixelrefer_ros.action import TrackRegion
from pixelrefer_ros.errors import CanceledError
from pixelrefer_ros.ros.track import Sighting
from pixelrefer_ros.ros.track_region import TrackRegionServer
from pixelrefer_ros.streams.frame import Frame
from pixelrefer_ros.streams.image_codec import from_rgb

STEPS = 5


def test_steps_are_told_in_order_and_the_server_is_idle_after_the_result(executor):
    [node] = executor.get_nodes()
    track = SimpleNamespace(ended=Future(), latest=lambda: None)

    def begin(goal: TrackRegion.Goal, on_step) -> SimpleNamespace:
        """See all steps at once, as where the executor is busy."""
        for second in range(STEPS):
            pixels = from_rgb(np.zeros((4, 4, 3), np.uint8))
            on_step(Sighting(Frame("front", second * 10**9, "camera", pixels), None, 0.0))
        return track

    server = TrackRegionServer(node, begin)
    client = ActionClient(node, TrackRegion, "/server/track_region")
    heard: list[int] = []

    async def ask() -> TrackRegion.Result:
        handle = await client.send_goal_async(
            TrackRegion.Goal(),
            feedback_callback=lambda message: heard.append(
                message.feedback.region.header.stamp.sec
            ),
        )
        return (await handle.get_result_async()).result

    def spin_until(condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 60
        while not condition() and time.monotonic() < deadline:
            executor.spin_once(timeout_sec=0.1)

    spin_until(lambda: client.wait_for_server(0.0))
    asked = executor.create_task(ask)
    spin_until(lambda: len(heard) == STEPS)
    assert heard == list(range(STEPS))
    assert server.idle_s == 0.0
    track.ended.set_result(CanceledError("seen enough"))
    spin_until(asked.done)
    assert asked.result().error_msg == "seen enough"
    assert 0.0 < server.idle_s < 60.0
    client.destroy()

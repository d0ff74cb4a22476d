"""The planner's client: from any thread, inside callbacks, and when nobody answers."""

from __future__ import annotations

import time

import pytest
import rclpy
from polling import wait_until
from rclpy.executors import SingleThreadedExecutor

from pixelrefer_ros.errors import DeadlineError, NotActiveError
from pixelrefer_ros.msg import RegionQuery, RegionResult
from pixelrefer_ros.ros.client import DescribeRegionClient, box_reference
from pixelrefer_ros.srv import DescribeRegion, ListFrames


@pytest.fixture(scope="module")
def node(module_processes):
    module_processes.camera()
    node = module_processes.node(request__max_new_tokens=4).start()
    node.wait_for_frames(2)
    return node


def test_a_blocking_call_inside_a_callback_does_not_deadlock(node):
    context = rclpy.Context()
    rclpy.init(context=context)
    planner = rclpy.create_node("planner", context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(planner)
    results: list[RegionResult] = []
    timer = planner.create_timer(
        0.05, lambda: results.append(node.client.describe(box_reference(40, 30, 40, 30)))
    )
    deadline = time.monotonic() + 60
    while len(results) < 2 and time.monotonic() < deadline:
        executor.spin_once(timeout_sec=0.1)
    timer.destroy()
    planner.destroy_node()
    context.try_shutdown()
    assert [result.error_code for result in results[:2]] == [RegionResult.NONE] * 2


def test_waiting_in_the_thread_of_the_client_is_refused(node):
    heard: list[str] = []

    def wait_there(future) -> None:
        try:
            node.client.describe(box_reference(40, 30, 40, 30))
        except RuntimeError as error:
            heard.append(str(error))

    query = RegionQuery(regions=[box_reference(40, 30, 40, 30)])
    future = node.client.describe_async(query)
    future.add_done_callback(wait_there)
    future.result(60)
    wait_until(lambda: heard)
    assert "describe_async" in heard[0]


def test_no_node_is_said_at_once():
    with DescribeRegionClient("/nobody") as client:
        started = time.monotonic()
        assert not client.wait_for_node(0.5)
        assert time.monotonic() - started < 25
        with pytest.raises(NotActiveError, match="/nobody/describe_region"):
            client.describe(box_reference(0, 0, 9, 9))


def test_a_node_that_never_replies_is_a_deadline_error():
    context = rclpy.Context()
    rclpy.init(context=context)
    mute = rclpy.create_node("mute", context=context)
    mute.create_service(DescribeRegion, "~/describe_region", lambda request, response: response)
    mute.create_service(ListFrames, "~/list_frames", lambda request, response: response)
    with DescribeRegionClient("/mute") as client:
        assert not client.wait_for_node(0.5), "a node that does not reply is not there"
        assert client._list.wait_for_service(60)
        assert client._describe.wait_for_service(10)
        for _ in range(3):
            with pytest.raises(DeadlineError, match="no reply within"):
                client.list_frames(timeout_s=0.2)
        assert not client._list._pending_requests, "calls given up are forgotten"
        pending = client.describe_async(RegionQuery())
    with pytest.raises(NotActiveError, match="closed"):
        pending.result(1)
    mute.destroy_node()
    context.try_shutdown()

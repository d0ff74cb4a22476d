"""Who calls, through real DDS: services and goals, of clients that share a process or not."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest
import rclpy
from rclpy.action import ActionClient
from rclpy.executors import SingleThreadedExecutor

from pixelrefer_ros import action
from pixelrefer_ros.errors import ErrorCode
from pixelrefer_ros.msg import RegionResult
from pixelrefer_ros.ros.callers import CallerExecutor, caller_of, with_caller
from pixelrefer_ros.ros.describe_action import DescribeRegionServer
from pixelrefer_ros.srv import DescribeRegion, ListFrames


class Rig:
    """A server node under an executor of choice and a client node."""

    def __init__(self, executor_type: type) -> None:
        self.context = rclpy.Context()
        rclpy.init(context=self.context)
        self.server = rclpy.create_node("server", context=self.context)
        self.client = rclpy.create_node("client", context=self.context)
        self.executors = [executor_type(context=self.context) for _ in range(2)]
        self.executors[0].add_node(self.server)
        self.executors[1].add_node(self.client)

    def wait(self, *futures, timeout_s: float = 60.0) -> list:
        deadline = time.monotonic() + timeout_s
        while not all(future.done() for future in futures):
            assert time.monotonic() < deadline
            for executor in self.executors:
                executor.spin_once(timeout_sec=0.01)
        return [future.result() for future in futures]

    def close(self) -> None:
        self.server.destroy_node()
        self.client.destroy_node()
        self.context.try_shutdown()


@pytest.fixture
def rig(request):
    rig = Rig(getattr(request, "param", CallerExecutor))
    yield rig
    rig.close()


def call_from_two(rig: Rig) -> list[str]:
    """Call from two clients, the first one twice; return whom the service heard."""
    heard = []

    async def answer(request, response, caller):
        heard.append((request.camera, caller))
        return response

    rig.server.create_service(ListFrames, "~/frames", with_caller(answer))
    clients = [rig.client.create_client(ListFrames, "/server/frames") for _ in range(2)]
    for client in clients:
        assert client.wait_for_service(60)
    for name, client in (("first", clients[0]), ("second", clients[1]), ("again", clients[0])):
        rig.wait(client.call_async(ListFrames.Request(camera=name)))
    assert [name for name, _ in heard] == ["first", "second", "again"]
    return [caller for _, caller in heard]


def test_each_client_of_a_service_has_a_name_of_its_own(rig):
    first, second, again = call_from_two(rig)
    assert first == again != second
    assert all(len(caller) == 32 for caller in (first, second))


@pytest.mark.parametrize("rig", [SingleThreadedExecutor], indirect=True)
def test_under_another_executor_callers_are_unknown(rig):
    assert call_from_two(rig) == ["", "", ""]


def test_other_services_are_served_as_ever(rig):
    rig.server.create_service(ListFrames, "~/frames", lambda request, response: response)
    client = rig.client.create_client(ListFrames, "/server/frames")
    assert client.wait_for_service(60)
    assert rig.wait(client.call_async(ListFrames.Request()))


def test_goals_have_callers_too(rig):
    heard = []

    async def describe(query, call):
        heard.append(call.caller)
        return RegionResult(error_code=ErrorCode.NONE.value)

    server = DescribeRegionServer(rig.server, describe)
    clients = [
        ActionClient(rig.client, action.DescribeRegion, "/server/describe_region") for _ in range(2)
    ]
    for client in (*clients, clients[0]):
        assert client.wait_for_server(60)
        [handle] = rig.wait(client.send_goal_async(action.DescribeRegion.Goal()))
        rig.wait(handle.get_result_async())
    for entity in (*clients, server):
        entity.destroy()
    assert heard[0] == heard[2] != heard[1]
    assert all(len(caller) == 32 for caller in heard)


def test_a_header_of_another_build_is_nobody():
    assert caller_of(SimpleNamespace(sequence_number=1)) == ""
    assert caller_of(DescribeRegion.Request()) == ""

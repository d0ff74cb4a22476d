"""Requests of clients that left are withdrawn, those of clients that are there never."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
import rclpy
from diagnostics import Diagnostics, values_of
from listener import Listener

from pixelrefer_ros.engine.pending import Pending, PendingAnswers
from pixelrefer_ros.msg import RegionQuery, RegionResult
from pixelrefer_ros.ros.call import Call
from pixelrefer_ros.ros.calls import Calls
from pixelrefer_ros.ros.client import box_reference

BOX = (40, 30, 40, 30)
LONG = 20_000
ROOT = Path(__file__).resolve().parents[2]

LEAVER = f"""
import sys
from pixelrefer_ros.msg import RegionQuery
from pixelrefer_ros.ros.client import DescribeRegionClient, box_reference

box = box_reference{BOX}
with DescribeRegionClient() as client:
    client.wait_for_node(60)
    query = RegionQuery(regions=[box], max_new_tokens={LONG})
    query.timeout.sec = 300
    goal = client.describe_streaming(box, max_new_tokens={LONG}, timeout_s=300.0)
    next(feedback for feedback in goal if feedback.delta)
    calls = [client.describe_async(query) for _ in range(3)]
    print("asking", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture(scope="module")
def node(module_processes, endless_model_path):
    module_processes.camera("--rate", "5")
    node = module_processes.node(model__path=endless_model_path, request__max_batch=2).start()
    node.wait_for_frames(1)
    return node


def query(*, max_new_tokens: int, timeout_s: int = 60) -> RegionQuery:
    query = RegionQuery(regions=[box_reference(*BOX)], max_new_tokens=max_new_tokens)
    query.timeout.sec = timeout_s
    return query


@pytest.mark.parametrize(("end", "limit_s"), [("leave", 18.0), ("kill", 45.0)])
def test_a_client_that_ends_makes_room_for_the_others(node, end, limit_s):
    """DDS hears at once of a client that ends, and after up to 20 s of one that was killed."""
    with (
        Listener(results=(RegionResult, "/pixelrefer/results")) as listener,
        Diagnostics() as diagnostics,
    ):
        results = listener.all["results"]
        leaver = subprocess.Popen(
            [sys.executable, "-c", LEAVER],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert leaver.stdout is not None
        assert leaver.stdout.readline() == "asking\n"
        # Two requests fill the batch and two wait, this one as well.
        diagnostics.wait("engine", lambda status: values_of(status)["queue"] == "2 of 16")
        behind = node.client.describe_async(query(max_new_tokens=4))
        diagnostics.wait("engine", lambda status: values_of(status)["queue"] == "3 of 16")
        diagnostics.collect(1)  # all of them have been looked for in the graph
        assert not behind.done()
        if end == "leave":
            leaver.communicate("\n")
        else:
            leaver.kill()
            leaver.communicate()
        started = time.monotonic()
        assert listener.listen(lambda: len(results) >= 5, timeout_s=limit_s), results
        assert time.monotonic() - started < limit_s
    assert behind.result(30).error_code == RegionResult.NONE
    codes = sorted(result.error_code for result in results)
    assert codes == [RegionResult.NONE] + 4 * [RegionResult.CANCELED]
    assert all("client left" in r.error_msg for r in results if r.error_code)


def test_who_is_there_is_answered_however_long_it_takes(node):
    streamed = node.client.describe_streaming(
        box_reference(*BOX), max_new_tokens=LONG, timeout_s=3.5
    )
    called = node.client.describe_async(query(max_new_tokens=LONG, timeout_s=3))
    for reply in (streamed.reply, called):
        assert reply.result(20).error_code == RegionResult.TIMEOUT


@pytest.fixture
def calls():
    context = rclpy.Context()
    rclpy.init(context=context)
    node = rclpy.create_node("server", context=context)
    yield Calls(node, ["~/describe_region"])
    node.destroy_node()
    context.try_shutdown()


def test_all_are_withdrawn_also_between_their_regions_and_their_answers(calls):
    """Found regions wait for their turn in the executor: nothing is there to be canceled then."""
    looking, found, answering = Call(""), Call(""), Call("")
    pieces = [Pending(), Pending()]
    looking.prepare(pieces[0])
    found.prepare(pieces[1])
    pieces[1].set_result(None)
    answering.follow(PendingAnswers())
    with calls.underway(looking), calls.underway(found), calls.underway(answering):
        calls.withdraw_all("deactivated")
        found.follow(PendingAnswers())
    for future in (pieces[0], found.pending, answering.pending):
        assert future.cancelled()
    assert [call.withdrawn for call in (looking, found, answering)] == ["deactivated"] * 3


def test_callers_that_the_graph_does_not_know_have_not_left(calls):
    unknown = Call("")
    with calls.underway(unknown):
        assert calls.idle_s == 0.0
        for _ in range(3):
            calls.withdraw_abandoned()
    assert not unknown.withdrawn
    time.sleep(0.05)
    assert 0.05 <= calls.idle_s < 60.0

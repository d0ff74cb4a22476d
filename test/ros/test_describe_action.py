"""The action, asked from another process: words as they come, cancel at any time, same codes."""

from __future__ import annotations

import time
from concurrent.futures import FIRST_COMPLETED, wait

import pytest
import rclpy
from action_msgs.msg import GoalStatus
from rclpy.action import ActionClient
from rclpy.executors import SingleThreadedExecutor

from pixelrefer_ros import action
from pixelrefer_ros.engine.pending import Stage
from pixelrefer_ros.errors import DeadlineError, NotActiveError
from pixelrefer_ros.msg import RegionQuery, RegionResult
from pixelrefer_ros.ros.client import DescribeRegionClient, box_reference
from pixelrefer_ros.ros.query_options import build_query

BOX = (40, 30, 40, 30)
LONG = 20_000


def test_the_words_come_one_by_one_and_make_the_answer_of_the_service(processes):
    """Asked of a model that was trained: the bytes of one that was not are no text at all."""
    processes.camera("--rate", "10")
    node = processes.node(model__path="pixelrefer-lite-tabletop", buffer__seconds=3600.0).start()
    node.wait_for_frames(2)
    reference = box(node)
    expected = node.client.describe(reference)
    assert expected.error_code == RegionResult.NONE, expected.error_msg
    for _ in range(3):  # the result brings what did not come before where this process stalls
        with node.client.describe_streaming(reference) as stream:
            heard = list(stream)
            result = stream.result()
        words = [feedback.delta for feedback in heard if feedback.delta]
        if len(words) > 2:
            break
    assert result.answers == expected.answers
    assert len(words) > 2, "not as they come"
    assert "".join(words).strip() == result.answers[0].text
    stages = [feedback.stage for feedback in heard]
    # The first ones are those of the segmenter.
    queued = max((k for k, stage in enumerate(stages) if stage == Stage.WAITING), default=0)
    assert stages[queued:] == sorted(stages[queued:])
    assert stages[-1] == Stage.GENERATING


def test_a_goal_whose_regions_are_being_found_stops_there(processes):
    """Following eight objects over 16 frames takes much longer than a cancel needs to arrive."""
    processes.camera("--rate", "10", "--size", "1280x960")
    node = processes.node().start()
    for _ in range(3):  # where this process stalls it cancels too late
        stamp = node.wait_for_frames(20, timeout_s=60)[-1].stamp
        boxes = [box_reference(100 * k, 80 * k, 400, 300, stamp=stamp) for k in range(8)]
        with node.client.describe_streaming(
            boxes, num_frames=16, history_s=2.0, timeout_s=120.0
        ) as stream:
            stages = []
            for feedback in stream:
                stages.append(feedback.stage)
                if feedback.stage == Stage.PREPARING:
                    stream.cancel()
            result = stream.result()
        if stages[-1] == Stage.PREPARING:
            break
    assert stages[-1] == Stage.PREPARING, "it was canceled later than that"
    assert result.error_code == RegionResult.CANCELED
    assert result.answers == []
    next_one = node.client.describe(box(node), max_new_tokens=4)
    assert next_one.error_code == RegionResult.NONE, next_one.error_msg


@pytest.fixture(scope="module")
def node(module_processes, endless_model_path):
    module_processes.camera("--rate", "10")
    node = module_processes.node(
        model__path=endless_model_path,
        request__max_new_tokens=12,
        request__max_batch=3,  # one place is for other clients
        request__queue_size=4,
        buffer__seconds=3600.0,
        buffer__frames=10_000,
    ).start()
    node.wait_for_frames(3)
    return node


def box(node):
    """Point at a frame that is there."""
    return box_reference(*BOX, stamp=node.client.list_frames()[-1].stamp)


def test_words_about_several_objects_are_told_apart(node):
    stamp = node.client.list_frames()[-1].stamp
    regions = [box_reference(30 * k, 20, 40, 30 + 10 * k, stamp=stamp) for k in range(2)]
    told = ["", ""]
    with node.client.describe_streaming(regions, "What is it?") as stream:
        for feedback in stream:
            told[feedback.answer] += feedback.delta
        result = stream.result()
    assert told[0] != told[1]
    for text, answer in zip(told, result.answers, strict=True):
        assert text
        assert text.strip()[:4] == answer.text[:4]


def test_a_running_goal_stops_at_the_next_token_and_returns_what_it_said(node):
    started = time.monotonic()
    with node.client.describe_streaming(box(node), max_new_tokens=LONG) as stream:
        told = ""
        for feedback in stream:
            told += feedback.delta
            if len(told) > 3:
                stream.cancel()
        result = stream.result()
    assert result.error_code == RegionResult.CANCELED
    assert "client canceled" in result.error_msg
    [answer] = result.answers
    assert answer.text
    assert answer.truncated
    assert 0 < answer.generated_tokens < LONG
    assert result.regions[0].roi.width == BOX[2]
    assert time.monotonic() - started < 25
    assert node.client.describe(box(node)).error_code == RegionResult.NONE


def test_queued_goals_know_their_place_and_are_dropped_at_once(node):
    reference = box(node)
    running = [node.client.describe_streaming(reference, max_new_tokens=LONG) for _ in range(2)]
    for stream in running:
        next(feedback for feedback in stream if feedback.stage == Stage.GENERATING)
    queued = [node.client.describe_streaming(reference)]
    next(feedback for feedback in queued[0] if feedback.stage == Stage.WAITING)
    queued.append(node.client.describe_streaming(reference))
    last = next(feedback for feedback in queued[1] if feedback.queue_position)
    assert (last.stage, last.queue_position) == (Stage.WAITING, 1)
    started = time.monotonic()
    queued[0].cancel()
    assert queued[0].result().error_code == RegionResult.CANCELED
    assert queued[0].result().answers == []
    assert time.monotonic() - started < 25
    assert not any(stream.reply.done() for stream in (*running, queued[1]))
    assert next(iter(queued[1])).queue_position == 0, "moved up"
    for stream in running:
        stream.cancel()
    assert queued[1].result().error_code == RegionResult.NONE
    assert {stream.result().error_code for stream in running} == {RegionResult.CANCELED}


def test_leaving_early_cancels(node):
    with node.client.describe_streaming(box(node), max_new_tokens=LONG) as stream:
        next(feedback for feedback in stream if feedback.delta)
    assert stream.result().error_code == RegionResult.CANCELED


@pytest.mark.parametrize(
    ("regions", "fields", "code"),
    [
        ([box_reference(*BOX)], {"camera": "rear"}, RegionResult.UNKNOWN_CAMERA),
        ([], {}, RegionResult.INVALID_REGION),
        ([box_reference(150, 0, 20, 20)], {}, RegionResult.INVALID_REGION),
        ([box_reference(*BOX)] * 2, {"prompt": "<region>?"}, RegionResult.INVALID_PROMPT),
        ([box_reference(*BOX)], {"timeout_s": 3.0, "max_new_tokens": LONG}, RegionResult.TIMEOUT),
    ],
)
def test_codes_and_messages_are_those_of_the_service(node, regions, fields, code):
    stream = node.client.describe_streaming(regions, **fields)
    called = node.client.describe_async(build_query(regions, **fields)).result(30)
    streamed = stream.reply.result(30)
    assert streamed.error_code == code
    assert (streamed.error_code, streamed.error_msg) == (called.error_code, called.error_msg)


def test_how_goals_end_in_the_words_of_ros(node):
    """Succeeded, canceled or aborted, seen by an action client of rclpy."""
    context = rclpy.Context()
    rclpy.init(context=context)
    planner = rclpy.create_node("planner", context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(planner)
    client = ActionClient(planner, action.DescribeRegion, "/pixelrefer/describe_region")
    assert client.wait_for_server(60)

    def run(future):
        executor.spin_until_future_complete(future, timeout_sec=60)
        assert future.done()
        return future.result()

    def send(**fields):
        query = RegionQuery(regions=[box(node)], **fields)
        return run(client.send_goal_async(action.DescribeRegion.Goal(query=query)))

    answered = run(send().get_result_async())
    failed = run(send(camera="rear").get_result_async())
    goal = send(max_new_tokens=LONG)
    result = goal.get_result_async()
    assert len(run(goal.cancel_goal_async()).goals_canceling) == 1
    canceled = run(result)
    client.destroy()
    planner.destroy_node()
    context.try_shutdown()
    assert answered.status == GoalStatus.STATUS_SUCCEEDED
    assert failed.status == GoalStatus.STATUS_ABORTED
    assert failed.result.result.error_code == RegionResult.UNKNOWN_CAMERA
    assert canceled.status == GoalStatus.STATUS_CANCELED
    assert canceled.result.result.error_code == RegionResult.CANCELED


def test_a_full_queue_is_busy_at_once_for_goals_too(node):
    reference = box(node)
    streams = [node.client.describe_streaming(reference, max_new_tokens=LONG) for _ in range(2)]
    for stream in streams:
        next(feedback for feedback in stream if feedback.stage == Stage.GENERATING)
    waiting = [node.client.describe_streaming(reference) for _ in range(5)]
    answered, _ = wait([one.reply for one in waiting], timeout=60, return_when=FIRST_COMPLETED)
    assert [reply.result().error_code for reply in answered] == [RegionResult.BUSY]
    for stream in (*streams, *waiting):
        stream.cancel()
        stream.result()


def test_goals_are_answered_when_the_node_is_deactivated(node):
    stream = node.client.describe_streaming(box(node), max_new_tokens=LONG)
    next(feedback for feedback in stream if feedback.delta)
    assert node.change("deactivate")
    result = stream.result()
    assert result.error_code == RegionResult.CANCELED
    assert "deactivated" in result.error_msg
    inactive = node.client.describe_streaming(box_reference(*BOX)).result()
    assert inactive.error_code == RegionResult.NOT_ACTIVE
    assert node.change("activate")


def test_no_node_no_reply_and_a_closed_client_are_errors():
    with DescribeRegionClient("/nobody") as client, pytest.raises(NotActiveError, match="action"):
        client.describe_streaming(box_reference(*BOX))
    context = rclpy.Context()
    rclpy.init(context=context)
    mute = rclpy.create_node("mute", context=context)
    server = rclpy.action.ActionServer(
        mute, action.DescribeRegion, "~/describe_region", lambda goal: None
    )
    with DescribeRegionClient("/mute") as client:
        assert client._action.wait_for_server(60)
        stream = client.describe_streaming(box_reference(*BOX), timeout_s=0.001)
        with pytest.raises(DeadlineError, match="no reply within"):
            list(stream)
        with pytest.raises(DeadlineError, match="no reply within"):
            stream.result()
        stream = client.describe_streaming(box_reference(*BOX))
    assert list(stream) == []
    with pytest.raises(NotActiveError, match="closed"):
        stream.result()
    server.destroy()
    mute.destroy_node()
    context.try_shutdown()

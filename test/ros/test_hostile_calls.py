"""Whatever is sent to a real node, it answers every call and lives on."""

from __future__ import annotations

import time

import pytest
from fuzzing import RUN, fuzz
from goal_caller import PATIENCE_S, GoalCaller
from hostile_messages import queries, track_goals
from hypothesis import strategies as st
from polling import wait_until
from rclpy.serialization import serialize_message
from sensor_msgs.msg import Image

from pixelrefer_ros.action import DescribeRegion, TrackRegion
from pixelrefer_ros.errors import ErrorCode
from pixelrefer_ros.msg import RegionQuery, RegionResult
from pixelrefer_ros.ros.client import box_reference, point_reference, polygon_reference

RIGHT = box_reference(40, 30, 40, 30)


@pytest.fixture(scope="module")
def node(module_processes):
    module_processes.camera("--rate", "10", "--reliable")
    node = module_processes.node(request__timeout=5.0).start()
    node.wait_for_frames(3)
    return node


def ask(node, query: RegionQuery) -> RegionResult:
    return node.client.describe_async(query).result(PATIENCE_S)


def check(result: RegionResult) -> None:
    """An answer, or a refusal that says why."""
    code = ErrorCode(result.error_code)
    assert bool(result.error_msg) == (code != ErrorCode.NONE)
    # What is canceled brings what was said until then.
    assert code == ErrorCode.CANCELED or bool(result.answers) == (code == ErrorCode.NONE)
    assert code != ErrorCode.INFERENCE_ERROR, result.error_msg


def is_well(node) -> bool:
    query = RegionQuery(prompt="What is it?", regions=[RIGHT], max_new_tokens=2)
    query.timeout.sec = 30
    return ask(node, query).error_code == ErrorCode.NONE and node.process.poll() is None


@fuzz(300, query=queries())
def test_every_call_is_answered(query, node):
    result = ask(node, query)
    check(result)
    assert result.error_code != ErrorCode.CANCELED


@pytest.fixture(scope="module")
def describe(node):
    with GoalCaller(DescribeRegion, "/pixelrefer/describe_region") as caller:
        yield caller


CANCELED_AFTER_S = st.sampled_from([None, None, 0.0, 0.05])


@fuzz(150, query=queries(), cancel_after_s=CANCELED_AFTER_S)
def test_every_goal_to_describe_ends_with_a_result(query, cancel_after_s, node, describe):
    check(describe.call(DescribeRegion.Goal(query=query), cancel_after_s=cancel_after_s).result)


@pytest.fixture(scope="module")
def track(node):
    with GoalCaller(TrackRegion, "/pixelrefer/track_region") as caller:
        yield caller


@fuzz(150, goal=track_goals(), cancel_after_s=st.sampled_from([0.0, 0.05, 0.2]))
def test_every_goal_to_track_ends_with_a_reason(goal, cancel_after_s, node, track):
    result = track.call(goal, cancel_after_s=cancel_after_s)
    assert ErrorCode(result.error_code) not in (ErrorCode.NONE, ErrorCode.INFERENCE_ERROR), (
        result.error_msg
    )
    assert result.error_msg


def test_a_good_track_after_them(node):
    with node.client.track(box_reference(40, 30, 40, 30, object_id="thing")) as track:
        track.wait_until_seen(PATIENCE_S)
        result = track.cancel()
    assert ErrorCode(result.error_code) == ErrorCode.CANCELED
    assert result.region.roi.width > 0


def test_the_node_is_well_after_them(node):
    assert is_well(node)
    assert "Traceback" not in node.log()
    assert "callback failed" not in node.log()


@pytest.mark.parametrize(
    ("query", "code", "message"),
    [
        (
            RegionQuery(prompt="why " * 2_500_000, regions=[RIGHT]),
            ErrorCode.INVALID_PROMPT,
            "prompt has 10000000 characters, at most 4000 (request.max_prompt_characters)",
        ),
        (
            RegionQuery(regions=[box_reference(*[1] * 4, object_id="x" * 10**6)]),
            ErrorCode.INVALID_REGION,
            "regions[0].object_id has 1000000 characters, at most 256",
        ),
        (
            RegionQuery(regions=[RIGHT, polygon_reference([(1, 1), (9, 9)] * 1001)]),
            ErrorCode.INVALID_REGION,
            "regions[1].polygon has 2002 points, at most 2000 (request.max_polygon_points)",
        ),
        (
            RegionQuery(regions=[RIGHT, point_reference([(50, 40)] * 101)]),
            ErrorCode.INVALID_REGION,
            "regions[1].points has 101 points, at most 100",
        ),
        (
            RegionQuery(camera="c" * 10**6, regions=[RIGHT]),
            ErrorCode.UNKNOWN_CAMERA,
            "must be one of camera (camera_names)",
        ),
    ],
)
def test_what_is_too_large_is_named(query, code, message, node):
    started = time.monotonic()
    result = ask(node, query)
    assert ErrorCode(result.error_code) == code
    assert message in result.error_msg
    assert len(result.error_msg) < 300
    assert time.monotonic() - started < 25


def test_a_mask_that_is_too_large_is_named(node):
    reference = box_reference(40, 30, 40, 30)
    reference.mask = Image(height=40, width=40, encoding="mono8", step=40, data=bytes(16_000_001))
    result = ask(node, RegionQuery(regions=[reference]))
    assert ErrorCode(result.error_code) == ErrorCode.INVALID_REGION
    assert "16 * 10^6 (request.max_mask_megabytes)" in result.error_msg


@pytest.fixture(scope="module")
def publisher(node):
    return node.client.node.create_publisher(Image, "/camera/image_raw", 10)


WHOLE = serialize_message(Image(height=2, width=2, encoding="mono8", step=2, data=bytes(4)))


@fuzz(
    200,
    place=st.integers(0, len(WHOLE) - 1),
    piece=st.binary(min_size=1, max_size=8),
    length=st.integers(0, len(WHOLE)) | st.just(None),
)
def test_bytes_that_are_no_image(place, piece, length, node, publisher):
    """Published on the topic of the camera, as serialized messages."""
    publisher.publish((WHOLE[:place] + piece + WHOLE[place + len(piece) :])[:length])
    if not RUN["test_bytes_that_are_no_image"] % 20:
        assert node.client.list_frames(timeout_s=PATIENCE_S)


def test_a_stamp_that_no_header_can_carry_is_not_kept(node, publisher):
    image = Image(height=2, width=2, encoding="mono8", step=2, data=bytes(4))
    image.header.stamp.sec = 2**31 - 1
    image.header.stamp.nanosec = 2**32 - 1

    def is_told() -> bool:
        publisher.publish(image)
        return "header.stamp.nanosec is 4294967295, must be below 1000000000" in node.log()

    wait_until(is_told)
    assert node.client.list_frames(timeout_s=PATIENCE_S)


def test_the_node_is_well_at_the_end(node):
    deadline = time.monotonic() + PATIENCE_S
    while not is_well(node):  # a hostile stamp in the future may be the newest for a while
        assert time.monotonic() < deadline, node.log()
        time.sleep(0.5)

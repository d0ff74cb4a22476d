"""Following through real DDS: a camera before which something moves, a node, a planner."""

from __future__ import annotations

import time

import moving_square
import numpy as np
import pytest
from builtin_interfaces.msg import Duration
from listener import Listener
from polling import wait_until
from sensor_msgs.msg import Image

from pixelrefer_ros.errors import NotActiveError
from pixelrefer_ros.msg import RegionQuery, RegionReference, RegionResult
from pixelrefer_ros.ros.client import (
    DescribeRegionClient,
    box_reference,
    object_reference,
    point_reference,
)
from pixelrefer_ros.ros.conversions import to_nanoseconds, to_raw_image, to_time
from pixelrefer_ros.streams.image_codec import to_mask, to_rgb

RATE = 15.0


@pytest.fixture(scope="module")
def node(module_processes):
    module_processes.camera("--moving", "--rate", str(RATE), "--reliable")
    node = module_processes.node(request__max_new_tokens=4, tracks__max_count=2).start()
    node.wait_for_frames(20)
    return node


def stamp_s(reference: RegionReference) -> float:
    return to_nanoseconds(reference.header.stamp) / 1e9


def box_of(reference: RegionReference) -> tuple[int, int, int, int]:
    roi = reference.roi
    return roi.x_offset, roi.y_offset, roi.width, roi.height


def accuracy(reference: RegionReference) -> float:
    return moving_square.overlap(box_of(reference), moving_square.box_at(stamp_s(reference)))


def newest_square(node, object_id: str = "square") -> RegionReference:
    """Point at the newest frame, when the frames of the second before it are all there."""
    stamps: list[int] = []

    def are_without_gap() -> bool:
        stamps[:] = node.stamps_ns()[-20:]
        return len(stamps) > 1 and np.diff(stamps).max() / 1e9 < 1.5 / RATE

    wait_until(are_without_gap)
    box = moving_square.box_at(stamps[-1] / 1e9)
    return box_reference(*box, stamp=to_time(stamps[-1]), object_id=object_id)


def answered(result: RegionResult) -> RegionResult:
    assert result.error_code == RegionResult.NONE, result.error_msg
    return result


def test_a_box_is_followed_back_through_the_buffer(node):
    pointed_at = newest_square(node)
    result = answered(
        node.client.describe(
            pointed_at, "What does <region> do?", num_frames=6, history_s=1.0, return_masks=True
        )
    )
    stamps = np.array([stamp_s(used) for used in result.regions])
    assert 5 <= len(stamps) <= 6
    assert stamps[-1] == stamp_s(pointed_at)
    assert 0.8 <= stamps[-1] - stamps[0] <= 1.0
    assert np.diff(stamps).max() <= 0.2 + 1 / RATE
    assert np.mean([accuracy(used) for used in result.regions]) > 0.7
    assert all(to_mask(to_raw_image(used.mask)).any() for used in result.regions)
    assert {used.object_id for used in result.regions} == {"square"}
    assert len(result.answers) == 1


def test_finding_and_following_count_as_preprocessing(node):

    def least_ns(num_frames: int) -> int:
        results = [
            node.client.describe(newest_square(node), num_frames=num_frames) for _ in range(3)
        ]
        return min(to_nanoseconds(answered(result).preprocess_time) for result in results)

    assert least_ns(12) > 2 * least_ns(1)


def test_a_goal_knows_its_place_where_objects_are_followed(node):

    def farthest() -> int:
        square = newest_square(node)
        streams = [node.client.describe_streaming(square, num_frames=12) for _ in range(5)]
        places = [feedback.queue_position for feedback in streams[-1]]
        assert places[-1] == 0
        assert all(answered(stream.result()) for stream in streams)
        return max(places)

    assert any(farthest() >= 2 for _ in range(3)), "goals that come late find others answered"


def test_several_objects_are_followed_together(node):
    still = box_reference(110, 90, 30, 20, object_id="corner")
    square = newest_square(node)
    still.header.stamp = square.header.stamp
    result = answered(
        node.client.describe([still, square], "<region> or <region>?", num_frames=4, history_s=0.5)
    )
    assert [answer.object_ids for answer in result.answers] == [["corner", "square"]]
    frames = {
        name: [stamp_s(used) for used in result.regions if used.object_id == name]
        for name in ("corner", "square")
    }
    assert frames["corner"] == frames["square"]
    assert len(frames["square"]) == 4


def test_an_unnamed_object_stays_unnamed_over_time(node):
    square, again = newest_square(node, ""), newest_square(node, "")
    again.header.stamp = square.header.stamp
    result = answered(node.client.describe([square, again], num_frames=3, history_s=0.3))
    assert [used.object_id for used in result.regions] == [""] * 6
    assert [answer.object_ids for answer in result.answers] == [[""], [""]]
    stamps = [stamp_s(used) for used in result.regions]
    assert stamps[:3] == stamps[3:] == sorted(stamps[:3])


def test_points_find_the_object(node):
    box = newest_square(node)
    x, y, width, height = box_of(box)
    inside = [(x + width / 4, y + height / 4), (x + width * 3 / 4, y + height * 3 / 4)]
    point = point_reference(inside, stamp=box.header.stamp)
    [used] = answered(node.client.describe(point)).regions
    assert accuracy(used) > 0.5


def test_following_takes_no_longer_than_the_timeout(node):
    def took_s() -> float:
        started = time.monotonic()
        query = RegionQuery(
            regions=[newest_square(node)], num_frames=16, timeout=Duration(nanosec=1_000_000)
        )
        result = node.client.describe_async(query).result(20)
        assert result.error_code == RegionResult.TIMEOUT
        assert "timeout is 0.001 s" in result.error_msg
        return time.monotonic() - started

    assert min(took_s() for _ in range(3)) < 1.0


def test_a_track_tells_where_the_object_is_and_gives_it_a_name(node):
    heard = []
    with node.client.track(newest_square(node), on_feedback=heard.append) as track:
        track.wait_until_seen(60)
        wait_until(lambda: len(heard) >= 8)
        result = answered(node.client.describe(object_reference("square"), "What is it?"))
        [used] = result.regions
        assert accuracy(used) > 0.6
        stamp = heard[3].region.header.stamp
        [earlier] = answered(node.client.describe(object_reference("square", stamp=stamp))).regions
        assert earlier.header.stamp == stamp
        assert box_of(earlier) == box_of(heard[3].region)

        def is_seen_over_time() -> bool:
            over_time = answered(
                node.client.describe(object_reference("square"), num_frames=4, history_s=0.4)
            )
            assert np.mean([accuracy(used) for used in over_time.regions]) > 0.6
            return len({stamp_s(used) for used in over_time.regions}) == 4

        wait_until(is_seen_over_time)
        ended = track.cancel()
    assert ended.error_code == RegionResult.CANCELED
    assert ended.error_msg == "canceled by the planner"
    assert accuracy(ended.region) > 0.4
    stamps = [stamp_s(feedback.region) for feedback in heard]
    assert stamps == sorted(stamps)
    assert np.mean([accuracy(feedback.region) for feedback in heard]) > 0.6
    assert all(0 <= feedback.score <= 1 for feedback in heard)


def test_a_feedback_that_fails_costs_nothing_else(node, caplog):
    def fail(feedback: object) -> None:
        raise ValueError("of the planner")

    with node.client.track(newest_square(node), on_feedback=fail) as track:
        track.wait_until_seen()
        answered(node.client.describe(newest_square(node)))
    assert "on_feedback failed" in caplog.text


def test_an_object_that_is_not_watched(node):
    result = node.client.describe(object_reference("nobody"))
    assert result.error_code == RegionResult.INVALID_REGION
    assert "object_id is 'nobody', which is not watched on camera 'camera'; watched are: " in (
        result.error_msg
    )


def test_what_is_wrong_with_a_goal_stands_in_its_result(node):
    def why(reference: RegionReference, **options) -> tuple[int, str]:
        result = node.client.track(reference, **options).ended.result(20)
        return result.error_code, result.error_msg

    assert why(newest_square(node, "")) == (
        RegionResult.INVALID_REGION,
        "region.object_id is empty, must name the object to watch",
    )
    assert why(newest_square(node), camera="rear")[0] == RegionResult.UNKNOWN_CAMERA
    outside = box_reference(150, 0, 40, 40, object_id="outside")
    assert why(outside)[0] == RegionResult.INVALID_REGION
    code, message = why(newest_square(node), timeout_s=0.5)
    assert (code, message) == (RegionResult.TIMEOUT, "timeout is 0.500 s and has passed")
    with node.client.track(newest_square(node, "one")) as one:
        one.wait_until_seen()
        assert why(newest_square(node, "one"))[0] == RegionResult.INVALID_REGION
        with node.client.track(newest_square(node, "two")) as two:
            two.wait_until_seen()
            assert why(newest_square(node, "three"))[0] == RegionResult.BUSY


def is_drawn_upon(picture: Image) -> bool:
    """Tell whether the square is marked."""
    drawn = to_rgb(to_raw_image(picture))[: moving_square.HEIGHT]
    plain = moving_square.draw(to_nanoseconds(picture.header.stamp) / 1e9)
    changed = (np.abs(drawn.astype(int) - plain) > 8).any(axis=-1)
    x, y, width, height = moving_square.box_at(to_nanoseconds(picture.header.stamp) / 1e9)
    return changed[y + 4 : y + height - 4, x + 4 : x + width - 4].mean() > 0.5


def test_watched_objects_are_drawn_while_somebody_looks(node):
    with (
        Listener(picture=(Image, "/pixelrefer/annotated")) as listener,
        node.client.track(newest_square(node)) as track,
    ):
        track.wait_until_seen()
        pictures = listener.all["picture"]
        assert listener.listen(
            lambda: len(pictures) > 1 and is_drawn_upon(pictures[-1]), timeout_s=60.0
        )


def test_deactivation_ends_tracks_and_activation_takes_new_ones(node):
    track = node.client.track(newest_square(node))
    track.wait_until_seen()
    assert node.change("deactivate")
    result = track.ended.result(30)
    assert (result.error_code, result.error_msg) == (
        RegionResult.CANCELED,
        "the node was deactivated",
    )
    refused = node.client.track(box_reference(1, 1, 9, 9, object_id="square")).ended.result(30)
    assert refused.error_code == RegionResult.NOT_ACTIVE
    assert node.change("activate")
    node.wait_for_frames(5)
    with node.client.track(newest_square(node)) as again:
        assert again.wait_until_seen().region.object_id == "square"
    again.last_seen = None
    with pytest.raises(NotActiveError, match="canceled by the planner"):
        again.wait_until_seen()
    assert node.process.poll() is None


def test_closing_the_client_ends_its_side_of_a_track(node):
    with DescribeRegionClient() as client:
        assert client.wait_for_node(60)
        track = client.track(newest_square(node, "left"), timeout_s=20.0)
        track.wait_until_seen()
    with pytest.raises(NotActiveError, match="the client was closed"):
        track.ended.result(30)

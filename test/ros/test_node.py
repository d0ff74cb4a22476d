"""The main job through real DDS: a camera, a node and a planner, each in its own process."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from listener import Listener
from polling import wait_until
from sensor_msgs.msg import Image

from pixelrefer_ros.errors import ErrorCode
from pixelrefer_ros.msg import RegionQuery, RegionResult
from pixelrefer_ros.regions.drawing import COLOURS
from pixelrefer_ros.ros.client import box_reference, mask_reference, polygon_reference
from pixelrefer_ros.ros.conversions import to_nanoseconds, to_raw_image
from pixelrefer_ros.streams.image_codec import to_mask, to_rgb


@pytest.fixture(scope="module")
def node(module_processes, endless_model_path):
    module_processes.camera("--rate", "30", "--reliable")
    node = module_processes.node(
        model__path=endless_model_path,
        request__max_new_tokens=8,
        buffer__seconds=60.0,
        buffer__frames=2000,
        regions__segmenter="none",
        regions__propagator="none",
    ).start()
    node.wait_for_frames(10)
    return node


def answered(result: RegionResult) -> RegionResult:
    assert result.error_code == RegionResult.NONE, result.error_msg
    return result


def test_a_box_on_the_newest_frame_gets_words(node):
    result = answered(node.client.describe(box_reference(40, 30, 40, 30, object_id="cup")))
    [answer] = result.answers
    assert answer.object_ids == ["cup"]
    assert 0 < answer.confidence <= 1
    assert answer.generated_tokens == 8
    assert result.model_id.startswith("endless")
    assert to_nanoseconds(result.encode_time) > 0
    assert to_nanoseconds(result.generate_time) > 0


def test_the_result_says_which_frame_and_box_were_used(node):
    header = node.client.list_frames()[3]
    result = answered(node.client.describe(box_reference(40, 30, 50, 20, stamp=header.stamp)))
    [used] = result.regions
    assert used.header.stamp == header.stamp
    assert used.header.frame_id == "camera_optical_frame"
    roi = used.roi
    assert (roi.x_offset, roi.y_offset, roi.width, roi.height) == (40, 30, 50, 20)
    assert not used.mask.data


def test_masks_come_back_when_asked_for(node):
    mask = np.zeros((120, 160), np.uint8)
    mask[20:60, 30:90] = 1
    mask[20:40, 30:50] = 0
    result = answered(node.client.describe(mask_reference(mask), return_masks=True))
    [used] = result.regions
    inside = to_mask(to_raw_image(used.mask))
    roi = used.roi
    box = np.s_[roi.y_offset : roi.y_offset + roi.height, roi.x_offset : roi.x_offset + roi.width]
    assert (inside == (mask[box] != 0)).all()


def test_box_mask_and_polygon_of_one_region_agree(node):
    stamp = node.client.list_frames()[-1].stamp
    mask = np.zeros((120, 160), np.uint8)
    mask[30:60, 40:80] = 1
    corners = [(40, 30), (80, 30), (80, 60), (40, 60)]
    texts = {
        answered(node.client.describe(reference)).answers[0].text
        for reference in (
            box_reference(40, 30, 40, 30, stamp=stamp),
            mask_reference(mask, stamp=stamp),
            polygon_reference(corners, stamp=stamp),
        )
    }
    assert len(texts) == 1


def test_several_regions_one_answer_each_or_a_joint_one(node):
    regions = [box_reference(10 * k, 10 * k, 40, 30, object_id=f"o{k}") for k in range(4)]
    each = answered(node.client.describe(regions, "What is it?"))
    assert [answer.object_ids for answer in each.answers] == [["o0"], ["o1"], ["o2"], ["o3"]]
    joint = answered(node.client.describe(regions[:2], "Is <region> behind <region>?"))
    assert joint.answers[0].object_ids == ["o0", "o1"]


def test_one_object_on_several_frames(node):
    stamps = [header.stamp for header in node.client.list_frames()[-3:]]
    regions = [box_reference(30, 30, 40, 30, stamp=stamp, object_id="cup") for stamp in stamps]
    result = answered(node.client.describe(regions, "What does <region> do?"))
    assert [used.header.stamp for used in result.regions] == stamps
    assert len(result.answers) == 1


def test_a_burst_of_calls_is_answered_to_the_last(node):
    query = RegionQuery(prompt="What is it?", regions=[box_reference(30, 30, 40, 30)])
    results = [
        future.result(30) for future in [node.client.describe_async(query) for _ in range(60)]
    ]
    assert {result.error_code for result in results} <= {RegionResult.NONE, RegionResult.BUSY}
    texts = {result.answers[0].text for result in results if not result.error_code}
    assert len(texts) == 1


def test_results_and_annotated_are_published(node):
    topics = {
        "result": (RegionResult, "/pixelrefer/results"),
        "picture": (Image, "/pixelrefer/annotated"),
    }
    with Listener(**topics) as listener:
        heard = listener.all

        def of_results() -> list[Image]:
            stamps = [r.regions[0].header.stamp for r in heard["result"] if r.regions]
            return [picture for picture in heard["picture"] if picture.header.stamp in stamps]

        for _ in range(20):
            threading.Thread(
                target=node.client.describe, args=(box_reference(40, 30, 40, 30, object_id="cup"),)
            ).start()
            if listener.listen(of_results, timeout_s=1.0):
                break
    assert heard["result"][-1].answers[0].object_ids == ["cup"]
    picture = of_results()[-1]
    drawn = to_rgb(to_raw_image(picture))
    assert drawn.shape[1] == 160
    assert (drawn[120:] > 128).any(), "the answer, in white on a bar below"
    assert (drawn[:30, 40:80] == COLOURS[0]).all(axis=-1).sum() > 100, "the name, above the box"


def test_frames_keep_arriving_at_full_rate_while_the_model_thinks(node):
    """A second of thinking must not cost a frame: gaps between stamps stay those of the camera."""
    query = RegionQuery(
        prompt="Tell me everything.",
        regions=[box_reference(30, 30, 40, 30)],
        max_new_tokens=1000,
    )

    def all_came() -> bool:
        before = node.stamps_ns()[-1]
        result = answered(node.client.describe_async(query).result(60))
        thought_ns = to_nanoseconds(result.generate_time)
        assert thought_ns > 0.3e9, "too short to tell"
        wait_until(lambda: node.stamps_ns()[-1] > before + thought_ns)
        during_s = np.array([stamp for stamp in node.stamps_ns() if stamp > before]) / 1e9
        return len(during_s) >= 0.9 * 30 * thought_ns / 1e9 and np.diff(during_s).max() < 4 / 30

    assert any(all_came() for _ in range(10)), "others may keep the computer busy for a while"


def test_an_unknown_camera_lists_no_frames(node):
    assert node.client.list_frames("elsewhere") == []


def test_codes_of_the_message_and_of_the_core_are_the_same():
    for code in ErrorCode:
        assert getattr(RegionResult, code.name) == code.value

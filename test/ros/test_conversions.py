from __future__ import annotations

import numpy as np
import pytest
from builtin_interfaces.msg import Duration, Time
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import CompressedImage, Image, RegionOfInterest
from std_msgs.msg import Header

from pixelrefer_ros.engine.query import Answer, Timing
from pixelrefer_ros.errors import InvalidRegionError, UnsupportedEncodingError
from pixelrefer_ros.msg import RegionAnswer, RegionReference, RegionResult
from pixelrefer_ros.ros import conversions
from pixelrefer_ros.ros.client import (
    box_reference,
    mask_reference,
    object_reference,
    point_reference,
    polygon_reference,
)
from pixelrefer_ros.streams.image_codec import from_rgb, to_mask


@pytest.mark.parametrize("nanoseconds", [0, 1, 999_999_999, 1_700_000_000_123_456_789])
def test_stamps_survive_both_ways(nanoseconds):
    assert conversions.to_nanoseconds(conversions.to_time(nanoseconds)) == nanoseconds


def test_durations_are_rounded_to_nanoseconds():
    assert conversions.to_duration(1.25) == Duration(sec=1, nanosec=250_000_000)
    assert conversions.to_duration(0.9999999999) == Duration(sec=1, nanosec=0)


def test_an_image_message_becomes_a_frame_and_back(picture):
    header = Header(stamp=Time(sec=5, nanosec=6), frame_id="optical")
    message = conversions.to_image_message(from_rgb(picture), header)
    frame = conversions.to_frame(message, "front")
    assert (frame.camera, frame.stamp_ns, frame.frame_id) == ("front", 5_000_000_006, "optical")
    assert (frame.rgb() == picture).all()
    assert conversions.to_header(frame) == header


def test_a_frame_shares_the_data_of_its_message(picture):
    message = conversions.to_image_message(from_rgb(picture), Header())
    frame = conversions.to_frame(message, "front")
    assert frame.image.data is message.data


def test_a_compressed_message_keeps_its_format():
    frame = conversions.to_frame(CompressedImage(format="png", data=b"x"), "front")
    assert frame.image.format == "png"


def test_references_made_by_the_client_become_regions():
    mask = np.eye(4, dtype=bool)
    assert conversions.to_region(box_reference(1, 2, 3, 4), name="r").box == (1, 2, 3, 4)
    points = conversions.to_region(polygon_reference([(0, 0), (4, 0), (4, 4)]), name="r").polygon
    assert points == [(0, 0), (4, 0), (4, 4)]
    region = conversions.to_region(mask_reference(mask), name="r")
    assert (region.mask == mask).all()
    assert region.box is None
    region = conversions.to_region(point_reference([(5, 6)]), name="r")
    assert (region.points, region.box) == ([(5, 6)], None)
    assert conversions.to_region(point_reference([(5, 6)], box=(1, 2, 9, 9)), name="r").box


def test_whether_a_shape_is_given():
    assert not conversions.has_shape(object_reference("cup"))
    for reference in (
        box_reference(1, 2, 3, 4),
        polygon_reference([(0, 0)]),
        mask_reference(np.eye(4)),
        point_reference([(5, 6)]),
    ):
        assert conversions.has_shape(reference)


def test_a_mask_may_have_the_size_of_its_box():
    reference = mask_reference(np.ones((2, 3)))
    reference.roi = RegionOfInterest(x_offset=4, y_offset=1, width=3, height=2)
    mask = conversions.to_region(reference, name="r").to_mask(5, 8)
    assert np.argwhere(mask).tolist() == [[1, 4], [1, 5], [1, 6], [2, 4], [2, 5], [2, 6]]


def test_errors_name_the_reference():
    rectified = RegionReference(roi=RegionOfInterest(width=3, height=3, do_rectify=True))
    with pytest.raises(InvalidRegionError, match=r"regions\[7\]\.roi\.do_rectify is true"):
        conversions.to_region(rectified, name="regions[7]")
    coloured = RegionReference(mask=Image(height=1, width=1, encoding="rgb8", step=3, data=b"abc"))
    with pytest.raises(UnsupportedEncodingError, match=r"regions\[7\]\.mask: .*rgb8"):
        conversions.to_region(coloured, name="regions[7]")


def test_a_region_is_told_by_its_tight_box_and_the_mask_within(picture):
    frame = conversions.to_frame(conversions.to_image_message(from_rgb(picture), Header()), "")
    mask = np.zeros((120, 160), bool)
    mask[10:12, 20:23] = [[True, False, True], [False, True, True]]
    reference = conversions.to_reference(mask, "cup", frame, with_mask=True)
    roi = reference.roi
    assert (roi.x_offset, roi.y_offset, roi.width, roi.height) == (20, 10, 3, 2)
    inside = to_mask(conversions.to_raw_image(reference.mask))
    assert inside.tolist() == [[True, False, True], [False, True, True]]


def test_no_part_of_an_answer_is_lost_behind_a_nul():
    answer = Answer(
        object_ids=("a",),
        text="red\0mug",
        confidence=0.5,
        truncated=False,
        generated_tokens=3,
        frames=(),
        model_id="m",
        timing=Timing(0, 0, 0, 0, 0, 0),
    )
    sent = serialize_message(conversions.to_answer_message(answer))
    assert deserialize_message(sent, RegionAnswer).text == "red\N{REPLACEMENT CHARACTER}mug"


def test_encoder_and_infusion_are_one_stage_of_the_message():
    result = RegionResult()
    conversions.set_timing(result, Timing(1.0, 2.0, 3.0, 4.0, 5.0, 6.0))
    stages = (result.queue_time, result.preprocess_time, result.encode_time, result.generate_time)
    assert [stage.sec for stage in stages] == [1, 2, 7, 11]

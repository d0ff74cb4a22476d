from __future__ import annotations

import numpy as np
import pytest
from rosbags.rosbag2 import Writer

from pixelrefer_ros.errors import BagError
from pixelrefer_ros.streams.bag_choice import TRIED_FRAMES, choose_topic, last_frame
from pixelrefer_ros.streams.bag_reader import BagReader, image_types
from pixelrefer_ros.streams.bag_writer import write_bag
from pixelrefer_ros.streams.frame import Frame
from pixelrefer_ros.streams.image_codec import CompressedImage, RawImage, encode_jpeg, from_rgb

DEPTH = RawImage(2, 3, "16UC1", False, 6, bytes(12))
COLOUR = from_rgb(np.zeros((2, 3, 3), np.uint8))


@pytest.fixture
def bag(tmp_path):
    images = (("/a/depth", 1, DEPTH), ("/b/colour", 3, COLOUR), ("/b/colour", 2, COLOUR))
    write_bag(tmp_path / "bag", ((topic, Frame("", n, "", image)) for topic, n, image in images))
    return BagReader(tmp_path / "bag")


def test_the_first_topic_that_can_be_read_is_meant(bag):
    assert choose_topic(bag).name == "/b/colour"


def test_a_topic_that_is_named_is_meant(bag):
    assert choose_topic(bag, "/a/depth").name == "/a/depth"


def test_a_topic_that_is_not_there(bag):
    with pytest.raises(BagError, match="no image topic '/c', it has: /a/depth, /b/colour"):
        choose_topic(bag, "/c")


def test_a_bag_without_readable_images(tmp_path):
    write_bag(tmp_path / "bag", [("/depth", Frame("", 1, "", DEPTH))])
    with pytest.raises(BagError, match="no image topic that can be read; image topics: /depth"):
        choose_topic(BagReader(tmp_path / "bag"))


@pytest.fixture
def cut(bag, tmp_path) -> BagReader:
    """More broken messages than are tried, a whole one, and another broken one."""
    with Writer(tmp_path / "cut", version=9) as writer:
        kind = "sensor_msgs/msg/Image"
        connection = writer.add_connection("/b/colour", kind, typestore=image_types())
        first, second = bag.messages(["/b/colour"])
        for receive_ns in range(TRIED_FRAMES + 1):
            writer.write(connection, receive_ns, first.data[:20])
        writer.write(connection, TRIED_FRAMES + 1, second.data)
        writer.write(connection, TRIED_FRAMES + 2, first.data[:-1])
    return BagReader(tmp_path / "cut")


def test_broken_messages_at_the_start_are_passed_over(cut):
    assert choose_topic(cut).name == "/b/colour"


def test_the_last_frame_is_the_last_whole_one(bag, cut):
    assert last_frame(cut, "/b/colour").stamp_ns == list(bag.frames("/b/colour"))[1].stamp_ns


def test_a_frame_beside_broken_messages_is_found(bag, cut):
    stamp_ns = list(bag.frames("/b/colour"))[1].stamp_ns
    assert cut.frame_at("/b/colour", stamp_ns).stamp_ns == stamp_ns


@pytest.mark.parametrize("damaged", [1, TRIED_FRAMES - 1, TRIED_FRAMES])
def test_one_of_the_first_frames_must_be_readable(tmp_path, damaged):
    whole = encode_jpeg(np.zeros((2, 3, 3), np.uint8))
    images = [CompressedImage("jpeg", b"no picture")] * damaged + [whole]
    frames = [("/jpeg", Frame("", number, "", image)) for number, image in enumerate(images)]
    write_bag(tmp_path / "bag", frames)
    bag = BagReader(tmp_path / "bag")
    if damaged < TRIED_FRAMES:
        assert choose_topic(bag).name == "/jpeg"
    else:
        with pytest.raises(BagError, match="no image topic that can be read; image topics: /jpeg"):
            choose_topic(bag)


def test_the_last_frame_is_the_one_with_the_latest_stamp(bag):
    assert last_frame(bag, "/b/colour").stamp_ns == 3

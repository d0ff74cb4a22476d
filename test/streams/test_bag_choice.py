from __future__ import annotations

import numpy as np
import pytest

from pixelrefer_ros.errors import BagError
from pixelrefer_ros.streams.bag_choice import choose_topic, last_frame
from pixelrefer_ros.streams.bag_reader import BagReader
from pixelrefer_ros.streams.bag_writer import write_bag
from pixelrefer_ros.streams.frame import Frame
from pixelrefer_ros.streams.image_codec import RawImage, from_rgb

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


def test_the_last_frame_is_the_one_with_the_latest_stamp(bag):
    assert last_frame(bag, "/b/colour").stamp_ns == 3

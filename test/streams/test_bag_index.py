from __future__ import annotations

import pickle

import numpy as np
import pytest

from pixelrefer_ros.errors import FrameEvictedError, NoFrameError
from pixelrefer_ros.streams.bag_index import BagIndex
from pixelrefer_ros.streams.bag_reader import BagReader
from pixelrefer_ros.streams.bag_writer import write_bag
from pixelrefer_ros.streams.frame import Frame
from pixelrefer_ros.streams.image_codec import from_rgb

TOPIC = "/camera"
SECOND = 10**9
STAMPS = [5 * SECOND, 6 * SECOND, 7 * SECOND, 2 * SECOND, 3 * SECOND, 4 * SECOND]
"""Time jumps back once, as when a simulation starts again."""


def grey(value: int) -> np.ndarray:
    return np.full((8, 8, 3), value, np.uint8)


@pytest.fixture(scope="module", params=["mcap", "sqlite3"])
def bag(request, tmp_path_factory) -> BagReader:
    """Six frames, received one after the other; the stamps are the frame's own."""
    from rosbags.rosbag2 import StoragePlugin, Writer

    from pixelrefer_ros.streams.bag_reader import image_types

    types = image_types()
    path = tmp_path_factory.mktemp("bags") / "bag"
    plugin = {"mcap": StoragePlugin.MCAP, "sqlite3": StoragePlugin.SQLITE3}[request.param]
    with Writer(path, version=9, storage_plugin=plugin) as writer:
        connection = writer.add_connection(TOPIC, "sensor_msgs/msg/Image", typestore=types)
        for number, stamp_ns in enumerate(STAMPS):
            pixels = grey(10 * number)
            header = types.types["std_msgs/msg/Header"](
                types.types["builtin_interfaces/msg/Time"](stamp_ns // SECOND, 0), "optical"
            )
            message = types.types["sensor_msgs/msg/Image"](
                header, 8, 8, "rgb8", 0, 24, pixels.reshape(-1)
            )
            data = bytes(types.serialize_cdr(message, "sensor_msgs/msg/Image"))
            writer.write(connection, 100 * SECOND + number, data if number != 4 else data[:40])
    return BagReader(path)


def test_frames_are_found_by_stamp_and_read_alone(bag):
    index = BagIndex(bag, TOPIC)
    place = index.nearest(6 * SECOND + 7, tolerance_ns=10)
    assert (place.stamp_ns, place.epoch, place.receive_ns) == (6 * SECOND, 0, 100 * SECOND + 1)
    later = index.nearest(4 * SECOND, tolerance_ns=0)
    frames = index.read([later, place])
    assert [frame.stamp_ns for frame in frames] == [4 * SECOND, 6 * SECOND]
    assert [frame.rgb()[0, 0, 0] for frame in frames] == [50, 10]
    assert index.start_ns == 5 * SECOND
    with pytest.raises(FrameEvictedError) as error:
        index.nearest(6 * SECOND + 11, tolerance_ns=10)
    assert "is 0.000000011 s from the nearest frame, which is at 6.000000000" in str(error.value)


def test_broken_messages_are_left_out_and_listed(bag):
    index = BagIndex(bag, TOPIC)
    assert [place.stamp_ns // SECOND for place in index.places] == [5, 6, 7, 2, 4]
    [broken] = index.broken
    assert (broken.topic, broken.receive_ns) == (TOPIC, 100 * SECOND + 4)
    assert broken.reason


def test_history_does_not_reach_over_a_jump_of_time(bag):
    index = BagIndex(bag, TOPIC)
    place = index.nearest(4 * SECOND, tolerance_ns=0)
    before = index.before(place, 100 * SECOND)
    assert [(one.stamp_ns // SECOND, one.epoch) for one in before] == [(2, 1), (4, 1)]
    place = index.nearest(7 * SECOND, tolerance_ns=0)
    assert [one.stamp_ns // SECOND for one in index.before(place, SECOND)] == [6, 7]


def test_an_index_can_be_sent_to_another_process(bag):
    index = pickle.loads(pickle.dumps(BagIndex(bag, TOPIC)))
    assert index.read([index.nearest(5 * SECOND, tolerance_ns=0)])[0].rgb()[0, 0, 0] == 0


def test_a_topic_without_frames_is_told(tmp_path):
    write_bag(tmp_path / "bag", [("/other", Frame("", 1, "", from_rgb(grey(1))))])
    from rosbags.rosbag2 import Writer

    from pixelrefer_ros.streams.bag_reader import image_types

    with Writer(tmp_path / "empty", version=9) as writer:
        writer.add_connection(TOPIC, "sensor_msgs/msg/Image", typestore=image_types())
    with pytest.raises(NoFrameError, match="holds 0 frames"):
        BagIndex(BagReader(tmp_path / "empty"), TOPIC)

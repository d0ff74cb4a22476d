from __future__ import annotations

import numpy as np
import pytest
from packed_images import pack, quadrants

from pixelrefer_ros.errors import BagError
from pixelrefer_ros.streams.bag_reader import BagReader, BagTopic
from pixelrefer_ros.streams.bag_writer import write_bag
from pixelrefer_ros.streams.frame import Frame
from pixelrefer_ros.streams.image_codec import encode_jpeg

STAMPS = [1_700_000_000_123_456_789 + step * 33_333_333 for step in range(4)]


def make_frames() -> list[tuple[str, Frame]]:
    frames = []
    for number, stamp in enumerate(STAMPS):
        raw = pack(quadrants() - number, "mono16", padding=2, is_bigendian=True)
        frames.append(("/front", Frame("front", stamp, "front_optical", raw)))
        frames.append(("/rear", Frame("rear", stamp + 5, "rear_optical", encode_jpeg(quadrants()))))
    return frames


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_frames_come_back(tmp_path, storage):
    path = tmp_path / "bag"
    frames = make_frames()
    write_bag(path, iter(frames), storage=storage)
    assert (path / "metadata.yaml").exists()
    bag = BagReader(path)
    assert bag.topics() == [
        BagTopic("/front", "sensor_msgs/msg/Image", 4),
        BagTopic("/rear", "sensor_msgs/msg/CompressedImage", 4),
    ]
    for topic in ("/front", "/rear"):
        written = [frame for name, frame in frames if name == topic]
        for before, after in zip(written, bag.frames(topic), strict=True):
            assert (after.camera, after.stamp_ns, after.frame_id) == (
                topic,
                before.stamp_ns,
                before.frame_id,
            )
            assert type(after.image) is type(before.image)
            assert bytes(after.image.data) == bytes(before.image.data)
            assert np.array_equal(after.rgb(), before.rgb())


def test_each_frame_is_received_at_its_stamp(tmp_path):
    write_bag(tmp_path / "bag", make_frames())
    received = [m.receive_ns for m in BagReader(tmp_path / "bag").messages(["/front"])]
    assert received == STAMPS


def test_an_existing_folder_is_not_overwritten(tmp_path):
    with pytest.raises(BagError, match="exists already"):
        write_bag(tmp_path, make_frames())


def test_a_topic_keeps_its_type(tmp_path):
    front, rear = make_frames()[:2]
    mixed = [front, ("/front", rear[1])]
    with pytest.raises(BagError, match=r"topic '/front' .* is of type sensor_msgs/msg/Image"):
        write_bag(tmp_path / "bag", mixed)


def test_a_stamp_ros_cannot_carry_is_refused(tmp_path):
    far = Frame("front", 2**31 * 10**9, "", pack(quadrants(), "rgb8"))
    with pytest.raises(BagError, match="cannot be written"):
        write_bag(tmp_path / "bag", [("/front", far)])

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from packed_images import pack, quadrants
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from pixelrefer_ros.errors import BagError
from pixelrefer_ros.streams.bag_reader import BagReader, BagTopic
from pixelrefer_ros.streams.image_codec import CompressedImage, encode_jpeg

RAW, JPEG, TEXT = "/front/image_raw", "/front/image_raw/compressed", "/chatter"
STAMPS = [1_700_000_000_000_000_000 + step * 33_333_333 for step in range(6)]
DELAY = 20_000_000  # of reception after the stamp


def write_by_rosbags(path: Path, storage: StoragePlugin, store: Stores) -> Path:
    """Record two image topics and a text topic, without the code under test."""
    typestore = get_typestore(store)
    types = typestore.types
    jpeg = encode_jpeg(quadrants())
    with Writer(path, version=8, storage_plugin=storage) as writer:
        connections = {
            topic: writer.add_connection(topic, kind, typestore=typestore)
            for topic, kind in (
                (RAW, "sensor_msgs/msg/Image"),
                (JPEG, "sensor_msgs/msg/CompressedImage"),
                (TEXT, "std_msgs/msg/String"),
            )
        }
        for number, stamp in enumerate(STAMPS):
            image = pack(quadrants() - number, "bgr8", padding=4)
            header = types["std_msgs/msg/Header"](
                types["builtin_interfaces/msg/Time"](stamp // 10**9, stamp % 10**9), "optical"
            )
            messages = {
                RAW: types["sensor_msgs/msg/Image"](
                    header,
                    image.height,
                    image.width,
                    image.encoding,
                    0,
                    image.step,
                    np.frombuffer(image.data, np.uint8),
                ),
                JPEG: types["sensor_msgs/msg/CompressedImage"](
                    header, "jpeg", np.frombuffer(jpeg.data, np.uint8)
                ),
                TEXT: types["std_msgs/msg/String"](f"hello {number}"),
            }
            for offset, (topic, message) in enumerate(messages.items()):
                data = typestore.serialize_cdr(message, message.__msgtype__)
                writer.write(connections[topic], stamp + DELAY + offset, data)
    return path


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("bags")
    return {
        "mcap": write_by_rosbags(root / "a", StoragePlugin.MCAP, Stores.ROS2_JAZZY),
        "sqlite3": write_by_rosbags(root / "b", StoragePlugin.SQLITE3, Stores.ROS2_FOXY),
    }


@pytest.fixture(params=["mcap", "mcap file", "sqlite3", "sqlite3 file"])
def bag(request, folders) -> BagReader:
    storage, _, file = request.param.partition(" ")
    folder = folders[storage]
    suffix = {"mcap": ".mcap", "sqlite3": ".db3"}[storage]
    return BagReader(next(folder.glob(f"*{suffix}")) if file else str(folder))


def test_files_are_those_of_the_bag(folders, tmp_path):
    bag = BagReader(shutil.copytree(folders["mcap"], tmp_path / "a"))
    (bag.path / "queries.yaml").touch()
    assert [file.name for file in bag.files()] == ["a.mcap", "metadata.yaml"]
    file = bag.path / "a.mcap"
    assert BagReader(file).files() == [file]


def test_topics_are_those_with_images(bag):
    assert bag.topics() == [
        BagTopic(RAW, "sensor_msgs/msg/Image", 6),
        BagTopic(JPEG, "sensor_msgs/msg/CompressedImage", 6),
    ]


def test_raw_frames(bag):
    frames = list(bag.frames(RAW))
    assert [frame.stamp_ns for frame in frames] == STAMPS
    assert {(frame.camera, frame.frame_id) for frame in frames} == {(RAW, "optical")}
    for number, frame in enumerate(frames):
        assert frame.size == (24, 32)
        assert np.array_equal(frame.rgb(), quadrants() - number)


def test_compressed_frames(bag):
    frames = list(bag.frames(JPEG))
    assert [frame.stamp_ns for frame in frames] == STAMPS
    assert isinstance(frames[0].image, CompressedImage)
    assert frames[0].image.format == "jpeg"
    assert frames[0].rgb().shape == (24, 32, 3)


def test_iterators_do_not_disturb_each_other(bag):
    for raw, jpeg in zip(bag.frames(RAW), bag.frames(JPEG), strict=True):
        assert raw.stamp_ns == jpeg.stamp_ns


def test_frame_at_a_stamp(bag):
    assert bag.frame_at(RAW, STAMPS[3]).stamp_ns == STAMPS[3]
    assert bag.frame_at(RAW, STAMPS[3] + 500, tolerance_ns=500).stamp_ns == STAMPS[3]
    with pytest.raises(BagError) as error:
        bag.frame_at(RAW, STAMPS[3] + 501, tolerance_ns=500)
    assert "is 0.000000501 s from the nearest frame, which is at 1700000000.099999999" in str(
        error.value
    )


def test_messages_as_received(bag):
    messages = list(bag.messages([RAW, TEXT]))
    assert [message.topic for message in messages] == [RAW, TEXT] * 6
    assert [m.receive_ns for m in messages if m.topic == RAW] == [s + DELAY for s in STAMPS]
    text = get_typestore(Stores.ROS2_JAZZY).deserialize_cdr(messages[1].data, messages[1].type)
    assert text.data == "hello 0"


def test_a_missing_topic_is_told_from_those_there_are(bag):
    for read in (bag.frames, lambda topic: bag.messages([topic])):
        with pytest.raises(BagError) as error:
            next(iter(read("/rear")))
        assert f"has no topic '/rear', it has {TEXT}, {RAW}, {JPEG}" in str(error.value)


def test_only_images_become_frames(bag):
    with pytest.raises(BagError) as error:
        next(bag.frames(TEXT))
    assert "is of type std_msgs/msg/String, must hold images" in str(error.value)
    assert RAW in str(error.value)


def test_what_is_no_bag(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "fake.mcap").write_text("hello")
    (tmp_path / "empty.mcap").touch()
    (tmp_path / "fake.db3").write_text("hello" * 1000)
    for name, reason in (
        ("missing", "does not exist"),
        ("", "holds no metadata.yaml"),
        ("notes.txt", "cannot be read: Unrecognized storage format '.txt'"),
        ("fake.mcap", "cannot be read: File magic is invalid"),
        ("empty.mcap", "seems to be empty"),
        ("fake.db3", "cannot be read: "),
    ):
        with pytest.raises(BagError) as error:
            BagReader(tmp_path / name)
        assert reason in str(error.value)
        assert str(tmp_path) in str(error.value)


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
@pytest.mark.parametrize("kept", [0.0, 0.001, 0.1, 0.3, 0.5, 0.7])
def test_truncated_bags_are_refused(folders, storage, kept, tmp_path):
    with pytest.raises(BagError, match="cannot be read"):
        read_truncated(folders[storage], kept, tmp_path)


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_no_frame_is_lost_in_silence(folders, storage, tmp_path):
    for kept in np.linspace(0.7, 1.0, 20):  # the very end may hold nothing of importance
        try:
            counts = read_truncated(folders[storage], kept, tmp_path)
        except BagError:
            continue
        assert counts == (len(STAMPS), len(STAMPS))
    assert counts == (len(STAMPS), len(STAMPS))


def read_truncated(folder: Path, kept: float, target: Path) -> tuple[int, ...]:
    """Return the numbers of frames read from the first part of the bag's file."""
    whole = next(file for file in folder.iterdir() if file.suffix != ".yaml")
    data = whole.read_bytes()
    cut = target / whole.name
    cut.write_bytes(data[: int(len(data) * kept)])
    return tuple(len(list(BagReader(cut).frames(topic))) for topic in (RAW, JPEG))


def test_damaged_metadata_is_refused(folders, tmp_path):
    (tmp_path / "metadata.yaml").write_text("rosbag2_bagfile_information: [")
    with pytest.raises(BagError, match="cannot be read"):
        BagReader(tmp_path)
    (tmp_path / "metadata.yaml").write_bytes((folders["mcap"] / "metadata.yaml").read_bytes())
    with pytest.raises(BagError, match="files are missing"):
        BagReader(tmp_path)

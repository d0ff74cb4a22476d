"""Detections in the layouts of the common packages, their definitions written into the bag."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from pixelrefer_ros.errors import BagError
from pixelrefer_ros.streams.bag_reader import BagReader, BrokenMessage
from pixelrefer_ros.streams.detections import Detection, read_detections

TOPIC = "/detections"
STAMP_NS = 1_700_000_000_250_000_000

# Fields of other meaning are left out but for one; names and nesting are those of the packages.
LAYOUTS = {
    "vision_msgs": {
        "vision_msgs/msg/Detection2DArray": "std_msgs/Header header\nDetection2D[] detections",
        "vision_msgs/msg/Detection2D": "ObjectHypothesisWithPose[] results\nBoundingBox2D bbox",
        "vision_msgs/msg/ObjectHypothesisWithPose": "ObjectHypothesis hypothesis",
        "vision_msgs/msg/ObjectHypothesis": "string class_id\nfloat64 score",
        "vision_msgs/msg/BoundingBox2D": "Pose2D center\nfloat64 size_x\nfloat64 size_y",
        "vision_msgs/msg/Pose2D": "Point2D position\nfloat64 theta",
        "vision_msgs/msg/Point2D": "float64 x\nfloat64 y",
    },
    "vision_msgs of Humble": {
        "vision_msgs/msg/Detection2DArray": "std_msgs/Header header\nDetection2D[] detections",
        "vision_msgs/msg/Detection2D": (
            "std_msgs/Header header\nObjectHypothesisWithPose[] results\n"
            "BoundingBox2D bbox\nstring id"
        ),
        "vision_msgs/msg/ObjectHypothesisWithPose": (
            "ObjectHypothesis hypothesis\ngeometry_msgs/PoseWithCovariance pose"
        ),
        "vision_msgs/msg/ObjectHypothesis": "string class_id\nfloat64 score",
        "vision_msgs/msg/BoundingBox2D": "Pose2D center\nfloat64 size_x\nfloat64 size_y",
        "vision_msgs/msg/Pose2D": "Point2D position\nfloat64 theta",
        "vision_msgs/msg/Point2D": "float64 x\nfloat64 y",
    },
    "vision_msgs until Galactic": {
        "vision_msgs/msg/Detection2DArray": "std_msgs/Header header\nDetection2D[] detections",
        "vision_msgs/msg/Detection2D": "ObjectHypothesisWithPose[] results\nBoundingBox2D bbox",
        "vision_msgs/msg/ObjectHypothesisWithPose": "string id\nfloat64 score",
        "vision_msgs/msg/BoundingBox2D": "Pose2D center\nfloat64 size_x\nfloat64 size_y",
        "vision_msgs/msg/Pose2D": "float64 x\nfloat64 y\nfloat64 theta",
    },
    "yolo_msgs": {
        "yolo_msgs/msg/DetectionArray": "std_msgs/Header header\nDetection[] detections",
        "yolo_msgs/msg/Detection": "string class_name\nfloat64 score\nBoundingBox2D bbox",
        "yolo_msgs/msg/BoundingBox2D": "Pose2D center\nVector2 size",
        "yolo_msgs/msg/Pose2D": "Point2D position\nfloat64 theta",
        "yolo_msgs/msg/Point2D": "float64 x\nfloat64 y",
        "yolo_msgs/msg/Vector2": "float64 x\nfloat64 y",
    },
    "darknet_ros_msgs": {
        "darknet_ros_msgs/msg/BoundingBoxes": (
            "std_msgs/Header header\nstd_msgs/Header image_header\nBoundingBox[] bounding_boxes"
        ),
        "darknet_ros_msgs/msg/BoundingBox": (
            "int64 xmin\nint64 ymin\nint64 xmax\nint64 ymax\nstring class_id"
        ),
    },
}


def write(
    path: Path,
    layout: str,
    *,
    stamp_ns: int = STAMP_NS,
    storage: StoragePlugin = StoragePlugin.MCAP,
) -> BagReader:
    """Write a cup in the box 10, 20, 30, 40 and a box of no name in 0, 0, 8, 6."""
    store = get_typestore(Stores.ROS2_JAZZY)
    for name, text in LAYOUTS[layout].items():
        store.register(get_types_from_msg(text, name))
    kind = next(iter(LAYOUTS[layout]))
    package = kind.partition("/")[0]

    def make(name: str, **values: object) -> object:
        return store.types[name if "/" in name else f"{package}/msg/{name}"](**values)

    def box(x: float, y: float, width: float, height: float) -> object:
        at = {"x": x + width / 2, "y": y + height / 2}
        if layout == "vision_msgs until Galactic":
            centre = make("Pose2D", **at, theta=0.0)
        else:
            centre = make("Pose2D", position=make("Point2D", **at), theta=0.0)
        if package == "yolo_msgs":
            return make("BoundingBox2D", center=centre, size=make("Vector2", x=width, y=height))
        return make("BoundingBox2D", center=centre, size_x=width, size_y=height)

    def header(at_ns: int) -> object:
        stamp = make("builtin_interfaces/msg/Time", sec=at_ns // 10**9, nanosec=at_ns % 10**9)
        return make("std_msgs/msg/Header", stamp=stamp, frame_id="optical")

    def result(label: str, score: float) -> object:
        if layout == "vision_msgs until Galactic":
            return make("ObjectHypothesisWithPose", id=label, score=score)
        inner = make("ObjectHypothesis", class_id=label, score=score)
        others = {"pose": pose()} if layout == "vision_msgs of Humble" else {}
        return make("ObjectHypothesisWithPose", hypothesis=inner, **others)

    def pose() -> object:
        at = make("geometry_msgs/msg/Point", x=1.0, y=2.0, z=3.0)
        turn = make("geometry_msgs/msg/Quaternion", x=0.0, y=0.0, z=0.0, w=1.0)
        where = make("geometry_msgs/msg/Pose", position=at, orientation=turn)
        return make("geometry_msgs/msg/PoseWithCovariance", pose=where, covariance=np.full(36, 0.5))

    cup, other = (10.0, 20.0, 30.0, 40.0), (0.0, 0.0, 8.0, 6.0)
    if package == "vision_msgs":
        others = {"header": header(0), "id": "seventh"} if layout == "vision_msgs of Humble" else {}
        seen = [make("Detection2D", results=[result("vase", 0.2), result("cup", 0.7)],
                     bbox=box(*cup), **others),
                make("Detection2D", results=[], bbox=box(*other), **others)]  # fmt: skip
        message = make(kind, header=header(stamp_ns), detections=seen)
    elif package == "yolo_msgs":
        seen = [make("Detection", class_name=name, score=0.5, bbox=box(*at))
                for name, at in (("cup", cup), ("", other))]  # fmt: skip
        message = make(kind, header=header(stamp_ns), detections=seen)
    else:
        seen = [make("BoundingBox", xmin=int(x), ymin=int(y), xmax=int(x + w), ymax=int(y + h),
                     class_id=name)
                for name, (x, y, w, h) in (("cup", cup), ("", other))]  # fmt: skip
        message = make(kind, header=header(stamp_ns + 10**9), image_header=header(stamp_ns),
                       bounding_boxes=seen)  # fmt: skip
    with Writer(path, version=9, storage_plugin=storage) as writer:
        connection = writer.add_connection(TOPIC, kind, typestore=store)
        writer.write(connection, stamp_ns, bytes(store.serialize_cdr(message, kind)))
    return BagReader(path)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_boxes_and_labels(tmp_path, layout):
    found = read_detections(write(tmp_path / "bag", layout), TOPIC)
    assert found == {
        STAMP_NS: [Detection((10, 20, 30, 40), "cup"), Detection((0, 0, 8, 6), "")],
    }


def forget_definitions(bag: BagReader) -> None:
    """Make a bag like one that Humble's sqlite3 plugin wrote."""
    [file] = bag.path.glob("*.db3")
    with closing(sqlite3.connect(file)) as database:
        database.execute("DROP TABLE message_definitions")
        database.execute("DROP TABLE schema")
        database.commit()


def test_a_bag_that_does_not_define_vision_msgs(tmp_path):
    bag = write(tmp_path / "bag", "vision_msgs of Humble", storage=StoragePlugin.SQLITE3)
    forget_definitions(bag)
    assert read_detections(bag, TOPIC) == {
        STAMP_NS: [Detection((10, 20, 30, 40), "cup"), Detection((0, 0, 8, 6), "")],
    }


def test_other_messages_must_be_defined_by_the_bag(tmp_path):
    bag = write(tmp_path / "bag", "yolo_msgs", storage=StoragePlugin.SQLITE3)
    forget_definitions(bag)
    with pytest.raises(BagError, match="yolo_msgs/msg/DetectionArray, which this bag does not def"):
        read_detections(bag, TOPIC)


def test_messages_of_before_humble_are_not_misread(tmp_path):
    bag = write(tmp_path / "bag", "vision_msgs until Galactic", storage=StoragePlugin.SQLITE3)
    forget_definitions(bag)
    with pytest.raises(BagError, match="1 messages of '/detections' are broken: "):
        read_detections(bag, TOPIC)


def test_topics_that_hold_none(tmp_path):
    store = get_typestore(Stores.ROS2_JAZZY)
    text = store.types["std_msgs/msg/String"](data="hello")
    with Writer(tmp_path / "bag", version=9) as writer:
        connection = writer.add_connection(TOPIC, "std_msgs/msg/String", typestore=store)
        data = bytes(store.serialize_cdr(text, "std_msgs/msg/String"))
        writer.write(connection, 1, data)
    bag = BagReader(tmp_path / "bag")
    with pytest.raises(BagError, match="is of type std_msgs/msg/String, detections are read from"):
        read_detections(bag, TOPIC)
    with pytest.raises(BagError, match="has no topic '/boxes', it has /detections"):
        read_detections(bag, "/boxes")


@pytest.mark.parametrize("whole", [True, False])
def test_broken_messages_are_told_and_left_out(tmp_path, whole):
    bag = write(tmp_path / "bag", "yolo_msgs")
    [message] = bag.messages([TOPIC])
    store = get_typestore(Stores.ROS2_JAZZY)
    for name, text in LAYOUTS["yolo_msgs"].items():
        store.register(get_types_from_msg(text, name))
    with Writer(tmp_path / "cut", version=9) as writer:
        connection = writer.add_connection(TOPIC, message.type, typestore=store)
        writer.write(connection, 1, message.data[:30])
        if whole:
            writer.write(connection, 2, message.data)
    cut = BagReader(tmp_path / "cut")
    with pytest.raises(BagError, match="1 messages of '/detections' are broken: "):
        read_detections(cut, TOPIC)
    broken: list[BrokenMessage] = []
    if whole:
        assert len(read_detections(cut, TOPIC, on_broken=broken.append)[STAMP_NS]) == 2
        assert [(one.topic, one.receive_ns) for one in broken] == [(TOPIC, 1)]
    else:
        with pytest.raises(BagError, match="1 messages of '/detections' are broken: "):
            read_detections(cut, TOPIC, on_broken=broken.append)

"""`pixelrefer annotate`, and `replay` with what it wrote."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from replay_bag import HEIGHT, PERIOD_NS, RAW, START_NS, WIDTH, write
from rosbags.rosbag2 import Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from pixelrefer_ros.cli import main
from pixelrefer_ros.replay.queries import read_queries
from pixelrefer_ros.streams.bag_reader import BagReader, image_types

DETECTIONS = "/yolo/detections"
TYPES = {
    "yolo_msgs/msg/DetectionArray": "std_msgs/Header header\nDetection[] detections",
    "yolo_msgs/msg/Detection": "string class_name\nBoundingBox2D bbox",
    "yolo_msgs/msg/BoundingBox2D": "Pose2D center\nVector2 size",
    "yolo_msgs/msg/Pose2D": "Point2D position",
    "yolo_msgs/msg/Point2D": "float64 x\nfloat64 y",
    "yolo_msgs/msg/Vector2": "float64 x\nfloat64 y",
}
DETECTED_AFTER_NS = 3 * 10**9

Seen = tuple[str, float, float, float, float]
"""A label, and x, y, width and height of its box."""


def yolo_types() -> Typestore:
    store = get_typestore(Stores.ROS2_JAZZY)
    for name, text in TYPES.items():
        store.register(get_types_from_msg(text, name))
    return store


def write_seen(folder: Path, seen: Mapping[float, Sequence[Seen]]) -> Path:
    """Write the moving square and what a detector saw, by frame; 4.1 is a bit after frame 4."""
    plain = BagReader(write(folder / "plain"))
    store = yolo_types()

    def detection(label: str, x: float, y: float, width: float, height: float) -> object:
        types = {name.rpartition("/")[2]: store.types[name] for name in TYPES}
        centre = types["Pose2D"](types["Point2D"](x + width / 2, y + height / 2))
        return types["Detection"](
            label, types["BoundingBox2D"](centre, types["Vector2"](width, height))
        )

    with Writer(folder / "bag", version=9) as writer:
        images = writer.add_connection(RAW, "sensor_msgs/msg/Image", typestore=image_types())
        boxes = writer.add_connection(DETECTIONS, "yolo_msgs/msg/DetectionArray", typestore=store)
        for message in plain.messages([RAW]):
            writer.write(images, message.receive_ns, message.data)
        for number, found in seen.items():
            stamp_ns = START_NS + round(number * PERIOD_NS)
            header = store.types["std_msgs/msg/Header"](
                store.types["builtin_interfaces/msg/Time"](stamp_ns // 10**9, stamp_ns % 10**9), ""
            )
            detections = [detection(*one) for one in found]
            array = store.types["yolo_msgs/msg/DetectionArray"](header, detections)
            data = bytes(store.serialize_cdr(array, "yolo_msgs/msg/DetectionArray"))
            writer.write(boxes, stamp_ns + DETECTED_AFTER_NS, data)
    return folder / "bag"


@pytest.fixture(scope="module")
def bag(tmp_path_factory) -> Path:
    """The moving square, found by a detector on frames 4 and 12, with others that do not fit."""
    seen = {
        4: [('cup "small"', 26.0, 30.0, 30.0, 30.0)],
        12: [
            ("17", 57.6, 30.2, 30.0, 30.0),
            ("cup", 100.0, -20.0, 90.0, 40.0),
            ("outside", 300.0, 0.0, 9.0, 9.0),
        ],
        900: [("cup", 0.0, 0.0, 9.0, 9.0)],
    }
    return write_seen(tmp_path_factory.mktemp("annotate"), seen)


def test_frames_evenly_in_time_with_a_box_in_the_middle(bag, tmp_path, capsys):
    out = tmp_path / "annotated"
    assert main(["annotate", str(bag), "--topic", RAW, "--frames", "3", "--out", str(out)]) == 0
    assert capsys.readouterr().out == f"{out}/queries.yaml: 3 queries on 3 frames\n"
    queries = read_queries(out / "queries.yaml")
    assert [query.id for query in queries] == ["frame-1", "frame-2", "frame-3"]
    numbers = [(query.stamp_ns - START_NS) / 100_000_000 for query in queries]
    assert (numbers[0], numbers[2]) == (0, 19)
    assert numbers[1] in (9, 10)
    assert {query.regions[0].box for query in queries} == {(32, 24, 64, 48)}
    picture = Image.open(out / "thumbnails" / "frame-1.jpg")
    assert picture.size == (WIDTH, HEIGHT)
    text = (out / "queries.yaml").read_text()
    assert "# thumbnails/frame-1.jpg: 128 x 96 pixels, 0.000 s after the first frame" in text
    replayed = [
        "replay", str(bag), "--queries", str(out / "queries.yaml"), "--out", str(tmp_path / "out"),
        "--model", "random-tiny", "--max-new-tokens", "2", "--segmenter", "none",
        "--propagator", "none",
    ]  # fmt: skip
    assert main(replayed) == 0
    assert "3 of 3" in capsys.readouterr().out


def test_nothing_but_the_bag_need_be_named(bag, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["annotate", str(bag)]) == 0
    assert len(read_queries(tmp_path / "annotated" / "queries.yaml")) == 8


def test_boxes_of_a_detector(bag, tmp_path, capsys):
    out = tmp_path / "annotated"
    assert main(["annotate", str(bag), "--detections", DETECTIONS, "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert said == f"{out}/queries.yaml: 3 queries on 2 frames; 1 detections lie on no frame\n"
    first, second, third = read_queries(out / "queries.yaml")
    assert [query.id for query in (first, second, third)] == ["frame-1", "frame-2-1", "frame-2-2"]
    assert [query.regions[0].box for query in (first, second, third)] == [
        (26, 30, 30, 30), (58, 30, 30, 30), (100, 0, 28, 20),
    ]  # fmt: skip
    assert [query.category for query in (first, second, third)] == ['cup "small"', "", "cup"]
    assert first.stamp_ns == START_NS + 400_000_000
    picture = np.asarray(Image.open(out / "thumbnails" / "frame-1.jpg")).astype(int)
    edge, outside = picture[45, 26], picture[45, 20]
    assert edge[0] - outside[0] > 60, "the box is drawn where the detector saw it"


def test_boxes_that_are_not_finite_are_left_out_and_counted(tmp_path, capsys):
    odd = [("cup", math.nan, 0.0, 9.0, 9.0), ("cup", 0.0, 0.0, math.inf, 9.0),
           ("cup", 0.0, -math.inf, 9.0, 9.0), ("cup", 1.7e308, 0.0, 1.7e308, 9.0)]  # fmt: skip
    seen = {4: [*odd, ("cup", 26.0, 30.0, 30.0, 30.0)], 8: odd}
    bag, out = write_seen(tmp_path, seen), tmp_path / "annotated"
    assert main(["annotate", str(bag), "--detections", DETECTIONS, "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert said == f"{out}/queries.yaml: 1 queries on 1 frames; 8 detections lie on no frame\n"
    [query] = read_queries(out / "queries.yaml")
    assert query.regions[0].box == (26, 30, 30, 30)


def test_boxes_that_are_all_not_finite(tmp_path, capsys):
    bag = write_seen(tmp_path, {4: [("cup", math.nan, 0.0, 9.0, 9.0)]})
    given = ["annotate", str(bag), "--detections", DETECTIONS, "--out", str(tmp_path / "out")]
    assert main(given) == 2
    assert f"none of 1 detections of '{DETECTIONS}' lies on a frame" in capsys.readouterr().err


def test_all_messages_nearest_to_a_frame_count(tmp_path):
    seen = {4: [("cup", 26.0, 30.0, 30.0, 30.0)], 4.1: [("plate", 60.0, 30.0, 20.0, 20.0)]}
    bag, out = write_seen(tmp_path, seen), tmp_path / "annotated"
    assert main(["annotate", str(bag), "--detections", DETECTIONS, "--out", str(out)]) == 0
    assert [(query.category, query.stamp_ns) for query in read_queries(out / "queries.yaml")] == [
        (name, START_NS + 4 * PERIOD_NS) for name in ("cup", "plate")
    ]


def test_a_topic_that_begins_with_a_broken_message_need_not_be_named(tmp_path):
    bag, out = write(tmp_path / "bag", broken=[0]), tmp_path / "annotated"
    assert main(["annotate", str(bag), "--frames", "2", "--out", str(out)]) == 0
    first, _ = read_queries(out / "queries.yaml")
    assert (first.topic, first.stamp_ns) == (RAW, START_NS + PERIOD_NS)


def test_broken_messages_of_a_detector_are_counted_in_the_file(bag, tmp_path):
    whole = BagReader(bag)
    with Writer(tmp_path / "bag", version=9) as writer:
        connections = {}
        for message in whole.messages([RAW, DETECTIONS]):
            if message.topic not in connections:
                store = image_types() if message.topic == RAW else yolo_types()
                connections[message.topic] = writer.add_connection(
                    message.topic, message.type, typestore=store
                )
            is_first = message.receive_ns == START_NS + 4 * PERIOD_NS + DETECTED_AFTER_NS
            data = message.data[:30] if is_first else message.data
            writer.write(connections[message.topic], message.receive_ns, data)
    out = tmp_path / "annotated"
    given = ["annotate", str(tmp_path / "bag"), "--detections", DETECTIONS, "--out", str(out)]
    assert main(given) == 0
    assert len(read_queries(out / "queries.yaml")) == 2
    said = '# 1 messages of "/yolo/detections" are broken and were left out.\n'
    assert said in (out / "queries.yaml").read_text()


def test_work_by_hand_is_not_written_over(bag, tmp_path, capsys):
    (tmp_path / "queries.yaml").write_text("mine")
    assert main(["annotate", str(bag), "--out", str(tmp_path)]) == 2
    assert "queries.yaml' is there already" in capsys.readouterr().err
    assert (tmp_path / "queries.yaml").read_text() == "mine"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--topic", "/rear"], "has no image topic '/rear', it has: /camera/image_raw"),
        (["--detections", "/boxes"], "has no topic '/boxes'"),
        (["--detections", RAW], "is of type sensor_msgs/msg/Image, detections are read from"),
        (["--frames", "0"], "'0' is not a whole number of at least 1"),
    ],
)
def test_what_is_not_there(bag, tmp_path, capsys, given, message):
    try:
        status = main(["annotate", str(bag), "--out", str(tmp_path / "out"), *given])
    except SystemExit as error:
        status = error.code
    assert status == 2
    assert message in capsys.readouterr().err

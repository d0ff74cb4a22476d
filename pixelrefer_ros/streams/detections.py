"""Boxes that a detector recorded beside the images, in the common message types."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from pixelrefer_ros.errors import BagError
from pixelrefer_ros.streams.bag_reader import BagReader, BrokenMessage
from pixelrefer_ros.streams.stamps import NANOSECONDS

VISION_MSGS: Mapping[str, str] = {
    "vision_msgs/msg/Detection2DArray": "std_msgs/Header header\nDetection2D[] detections",
    "vision_msgs/msg/Detection2D": (
        "std_msgs/Header header\nObjectHypothesisWithPose[] results\nBoundingBox2D bbox\nstring id"
    ),
    "vision_msgs/msg/ObjectHypothesisWithPose": (
        "ObjectHypothesis hypothesis\ngeometry_msgs/PoseWithCovariance pose"
    ),
    "vision_msgs/msg/ObjectHypothesis": "string class_id\nfloat64 score",
    "vision_msgs/msg/BoundingBox2D": "Pose2D center\nfloat64 size_x\nfloat64 size_y",
    "vision_msgs/msg/Pose2D": "Point2D position\nfloat64 theta",
    "vision_msgs/msg/Point2D": "float64 x\nfloat64 y",
}
"""Fields of the messages as of Humble, the last distribution whose bags may lack them."""


class Detection(NamedTuple):
    """A box x, y, width, height in pixels, and what the detector calls it, "" where it does not."""

    box: tuple[float, float, float, float]
    label: str


def read_detections(
    bag: BagReader, topic: str, *, on_broken: Callable[[BrokenMessage], None] | None = None
) -> dict[int, list[Detection]]:
    """Return the detections of a topic by the header stamp of their image, nanoseconds.

    Known are the types of `READERS`, with the definition the bag brings; of one that brings none,
    those of `VISION_MSGS`. Broken messages are told to `on_broken` and left out. Raises `BagError`
    for any other topic, where all messages are broken, and where one is and nobody is told.
    """
    broken: list[BrokenMessage] = []
    found: dict[int, list[Detection]] = {}
    for message in bag.decoded(topic, known=VISION_MSGS, on_broken=broken.append):
        read = READERS.get(message.__msgtype__)
        if read is None:
            raise BagError(
                f"topic '{topic}' of bag '{bag.path}' is of type {message.__msgtype__}, detections "
                f"are read from {', '.join(READERS)}"
            )
        header = getattr(message, "image_header", message.header)
        stamp_ns = header.stamp.sec * NANOSECONDS + header.stamp.nanosec
        found.setdefault(stamp_ns, []).extend(read(message))
    for one in broken:
        if on_broken is None or not found:
            raise BagError(f"{len(broken)} messages of '{topic}' are broken: {one.reason}")
        on_broken(one)
    return found


def _vision_msgs(message: Any) -> list[Detection]:
    """Read both layouts: until Galactic the centre was a Pose2D and the label an `id`."""
    found = []
    for detection in message.detections:
        label = ""
        hypotheses: list[Any] = [getattr(one, "hypothesis", one) for one in detection.results]
        if hypotheses:
            hypothesis = max(hypotheses, key=lambda one: one.score)
            label = str(getattr(hypothesis, "class_id", getattr(hypothesis, "id", "")))
        box = detection.bbox
        found.append(Detection(_box(box.center, box.size_x, box.size_y), label))
    return found


def _yolo_msgs(message: Any) -> list[Detection]:
    return [
        Detection(_box(one.bbox.center, one.bbox.size.x, one.bbox.size.y), one.class_name)
        for one in message.detections
    ]


def _darknet_ros(message: Any) -> list[Detection]:
    return [
        Detection(
            (float(one.xmin), float(one.ymin), float(one.xmax - one.xmin), one.ymax - one.ymin),
            str(one.class_id),
        )
        for one in message.bounding_boxes
    ]


def _box(centre: Any, width: float, height: float) -> tuple[float, float, float, float]:
    middle = getattr(centre, "position", centre)
    return middle.x - width / 2, middle.y - height / 2, width, height


READERS: Mapping[str, Callable[[Any], list[Detection]]] = {
    "vision_msgs/msg/Detection2DArray": _vision_msgs,
    "yolo_msgs/msg/DetectionArray": _yolo_msgs,
    "yolov8_msgs/msg/DetectionArray": _yolo_msgs,
    "darknet_ros_msgs/msg/BoundingBoxes": _darknet_ros,
}
"""What reads a message, by its type."""

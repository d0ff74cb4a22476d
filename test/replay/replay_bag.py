"""Small bags to replay: a coloured square that moves to the right, 10 Hz, raw and as JPEG."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from pathlib import Path

import numpy as np
import yaml
from rosbags.rosbag2 import StoragePlugin, Writer

from pixelrefer_ros.streams.bag_reader import image_types
from pixelrefer_ros.streams.bag_writer import _to_message
from pixelrefer_ros.streams.frame import Frame
from pixelrefer_ros.streams.image_codec import encode_jpeg, from_rgb

RAW, JPEG = "/camera/image_raw", "/camera/image_raw/compressed"
START_NS = 1_700_000_000_000_000_000
PERIOD_NS = 100_000_000
DELAY_NS = 5_000_000
HEIGHT, WIDTH = 96, 128


def picture(number: int) -> np.ndarray:
    """Return frame `number`, uint8 RGB [96, 128, 3]."""
    rgb = np.full((HEIGHT, WIDTH, 3), (90, 110, 130), np.uint8)
    rgb[30:60, 10 + 4 * number : 40 + 4 * number] = (200, 30, 40)
    return rgb


def write(
    path: Path,
    numbers: Sequence[int] = range(20),
    *,
    storage: StoragePlugin = StoragePlugin.MCAP,
    broken: Sequence[int] = (),
    times: int = 1,
) -> Path:
    """Write the frames `numbers`; messages of those in `broken` are cut off in the middle.

    times: so often they come, one lap after the other, with the same stamps.
    """
    types = image_types()
    with Writer(path, version=9, storage_plugin=storage) as writer:
        kinds = {RAW: "sensor_msgs/msg/Image", JPEG: "sensor_msgs/msg/CompressedImage"}
        connections = {
            topic: writer.add_connection(topic, kind, typestore=types)
            for topic, kind in kinds.items()
        }
        for lap, number in product(range(times), numbers):
            rgb = picture(number)
            stamp_ns = START_NS + number * PERIOD_NS
            for topic, image in ((RAW, from_rgb(rgb)), (JPEG, encode_jpeg(rgb))):
                message = _to_message(Frame("", stamp_ns, "camera", image))
                data = bytes(types.serialize_cdr(message, kinds[topic]))
                if number in broken:
                    data = data[: len(data) // 2]
                receive_ns = stamp_ns + DELAY_NS + lap * len(numbers) * PERIOD_NS
                writer.write(connections[topic], receive_ns, data)
    return path


def write_split(path: Path) -> Path:
    """Write a bag of two files, as a recorder does that starts a new one after a while."""
    path.mkdir()
    halves = [write(path / "first", range(10)), write(path / "second", range(10, 20))]
    metadata = [yaml.safe_load((half / "metadata.yaml").read_text()) for half in halves]
    whole, other = (one["rosbag2_bagfile_information"] for one in metadata)
    for half in halves:
        next(half.glob("*.mcap")).rename(path / f"{half.name}.mcap")
    whole["relative_file_paths"] = ["first.mcap", "second.mcap"]
    whole["files"] += other["files"]
    whole["message_count"] += other["message_count"]
    whole["duration"]["nanoseconds"] = 19 * PERIOD_NS
    for mine, theirs in zip(
        whole["topics_with_message_count"], other["topics_with_message_count"], strict=True
    ):
        mine["message_count"] += theirs["message_count"]
    (path / "metadata.yaml").write_text(yaml.safe_dump(metadata[0]))
    return path

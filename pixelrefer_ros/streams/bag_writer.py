"""Camera images into a ROS 2 bag, without ROS."""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from rosbags.interfaces import Connection
from rosbags.rosbag2 import StoragePlugin, Writer, WriterError

from pixelrefer_ros.errors import BagError
from pixelrefer_ros.streams.bag_reader import COMPRESSED_IMAGE_TYPE, RAW_IMAGE_TYPE, image_types
from pixelrefer_ros.streams.frame import Frame
from pixelrefer_ros.streams.images import RawImage, byte_view
from pixelrefer_ros.streams.stamps import NANOSECONDS


def write_bag(
    path: str | Path,
    frames: Iterable[tuple[str, Frame]],
    *,
    storage: Literal["mcap", "sqlite3"] = "mcap",
) -> None:
    """Write (topic, frame) pairs as a new rosbag2 folder; each is received at its own stamp.

    A topic holds raw or compressed images, as its first frame is. Raises `BagError` when the
    folder exists or cannot be written, and when a topic changes its kind.
    """
    plugin = {"mcap": StoragePlugin.MCAP, "sqlite3": StoragePlugin.SQLITE3}[storage]
    connections: dict[str, Connection] = {}
    try:
        with Writer(Path(path), version=9, storage_plugin=plugin) as writer:
            for topic, frame in frames:
                message = _to_message(frame)
                kind = message.__msgtype__
                if topic not in connections:
                    connections[topic] = writer.add_connection(topic, kind, typestore=image_types())
                if connections[topic].msgtype != kind:
                    raise BagError(
                        f"topic '{topic}' of bag '{path}' is of type {connections[topic].msgtype}, "
                        f"cannot hold {kind}"
                    )
                data = image_types().serialize_cdr(message, kind)
                writer.write(connections[topic], frame.stamp_ns, data)
    except (WriterError, OSError, sqlite3.Error, struct.error) as error:
        raise BagError(f"bag '{path}' cannot be written: {error}") from error


def _to_message(frame: Frame) -> Any:
    types = image_types().types
    seconds, nanoseconds = divmod(frame.stamp_ns, NANOSECONDS)
    header = types["std_msgs/msg/Header"](
        stamp=types["builtin_interfaces/msg/Time"](sec=seconds, nanosec=nanoseconds),
        frame_id=frame.frame_id,
    )
    image = frame.image
    data = byte_view(image.data)
    if isinstance(image, RawImage):
        return types[RAW_IMAGE_TYPE](
            header=header,
            height=image.height,
            width=image.width,
            encoding=image.encoding,
            is_bigendian=int(image.is_bigendian),
            step=image.step,
            data=data,
        )
    return types[COMPRESSED_IMAGE_TYPE](header=header, format=image.format, data=data)

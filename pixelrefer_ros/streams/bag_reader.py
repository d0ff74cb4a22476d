"""Camera images out of ROS 2 bags (mcap and sqlite3), without ROS."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from rosbags.interfaces import Connection, MessageDefinitionFormat
from rosbags.rosbag2 import Reader
from rosbags.typesys import Stores, get_types_from_idl, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from pixelrefer_ros.errors import BagError
from pixelrefer_ros.streams.frame import Frame
from pixelrefer_ros.streams.images import CompressedImage, RawImage
from pixelrefer_ros.streams.stamps import NANOSECONDS, format_seconds

RAW_IMAGE_TYPE = "sensor_msgs/msg/Image"
COMPRESSED_IMAGE_TYPE = "sensor_msgs/msg/CompressedImage"

METADATA = "metadata.yaml"
STORAGE_SUFFIXES = (".mcap", ".db3", ".zstd")


class BagTopic(NamedTuple):
    """A topic of a bag, its message type and how many messages it has."""

    name: str
    type: str
    message_count: int


class BagMessage(NamedTuple):
    """A message as it was recorded: serialized (CDR), with the time it was received."""

    topic: str
    type: str
    data: bytes
    receive_ns: int


class BrokenMessage(NamedTuple):
    """A message that is not what its type says, and why."""

    topic: str
    receive_ns: int
    reason: str


class ReceivedFrame(NamedTuple):
    """A frame and the time it was received, by which it is found again in the bag."""

    receive_ns: int
    frame: Frame


@cache
def image_types() -> Typestore:
    """Return the definitions of the image messages: the same in every ROS 2 distribution."""
    return get_typestore(Stores.ROS2_JAZZY)


class BagReader:
    """Reads a rosbag2 folder or a single `.mcap` or `.db3` file.

    Nothing stays open between calls; each iterator reads by itself. Everything raises `BagError`
    where the bag is missing, damaged or of another kind.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if self.path.is_dir() and not (self.path / METADATA).exists():
            raise BagError(
                f"folder '{self.path}' holds no {METADATA}: name the folder of a bag, or a "
                ".mcap or .db3 file in it"
            )
        self.topics()

    def files(self) -> list[Path]:
        """Return the files of the bag, by name; others may lie in its folder."""
        if not self.path.is_dir():
            return [self.path]
        return sorted(
            file
            for file in self.path.iterdir()
            if file.name == METADATA or file.suffix in STORAGE_SUFFIXES
        )

    def topics(self) -> list[BagTopic]:
        """Return the image topics, by name."""
        with self._open() as reader:
            return _image_topics(reader)

    def frames(self, topic: str) -> Iterator[Frame]:
        """Yield the images of `topic` in the order received, named by it, with header stamps.

        Broken messages are passed over; `received_frames` tells which.
        """
        received = self.received_frames(topic, on_broken=lambda _: None)
        return (one.frame for one in received)

    def received_frames(
        self,
        topic: str,
        *,
        on_broken: Callable[[BrokenMessage], None],
        start_ns: int | None = None,
        end_ns: int | None = None,
    ) -> Iterator[ReceivedFrame]:
        """Yield the images of `topic` received from `start_ns` to `end_ns`, both included.

        A broken message is told to `on_broken` and left out.
        """
        stop_ns = None if end_ns is None else end_ns + 1
        with self._open() as reader:
            connections = self._find_images(reader, topic)
            for connection, receive_ns, data in reader.messages(connections, start_ns, stop_ns):
                try:
                    message = image_types().deserialize_cdr(data, connection.msgtype)
                    frame = _to_frame(message, topic)
                except Exception as error:  # rosbags fails in many ways
                    reason = str(error) or type(error).__name__
                    on_broken(BrokenMessage(topic, receive_ns, reason))
                else:
                    yield ReceivedFrame(receive_ns, frame)

    def frame_at(self, topic: str, stamp_ns: int, *, tolerance_ns: int = 0) -> Frame:
        """Return the frame whose header stamp is nearest to `stamp_ns`, within the tolerance."""
        nearest = min(
            self.frames(topic), key=lambda frame: abs(frame.stamp_ns - stamp_ns), default=None
        )
        if nearest is None:
            raise BagError(f"topic '{topic}' of bag '{self.path}' holds 0 frames")
        distance_ns = abs(nearest.stamp_ns - stamp_ns)
        if distance_ns > tolerance_ns:
            raise BagError(
                f"stamp {format_seconds(stamp_ns)} of topic '{topic}' is "
                f"{format_seconds(distance_ns)} s from the nearest frame, which is at "
                f"{format_seconds(nearest.stamp_ns)}; at most {format_seconds(tolerance_ns)} s "
                "are allowed"
            )
        return nearest

    def messages(self, topics: Collection[str]) -> Iterator[BagMessage]:
        """Yield the messages of `topics`, of any type, in the order received."""
        with self._open() as reader:
            for connection, receive_ns, data in reader.messages(self._find(reader, topics)):
                yield BagMessage(connection.topic, connection.msgtype, data, receive_ns)

    def decoded(
        self,
        topic: str,
        *,
        known: Mapping[str, str],
        on_broken: Callable[[BrokenMessage], None],
    ) -> Iterator[Any]:
        """Yield the messages of `topic`, of any type that the bag itself defines, as objects.

        They have the fields of the type; `__msgtype__` names it. known: definitions by type, for
        bags that bring none, as sqlite3 does until Humble. Raises `BagError` for any other type
        there.
        """
        with self._open() as reader:
            connections = self._find(reader, [topic])
            types = _types_of(connections, known)
            for connection, receive_ns, data in reader.messages(connections):
                try:
                    message = types.deserialize_cdr(data, connection.msgtype)
                except Exception as error:  # rosbags fails in many ways
                    reason = str(error) or type(error).__name__
                    on_broken(BrokenMessage(topic, receive_ns, reason))
                else:
                    yield message

    @contextmanager
    def _open(self) -> Iterator[Reader]:
        try:
            with Reader(self.path) as reader:
                yield reader
        except BagError:
            raise
        except Exception as error:  # damaged files make rosbags fail in many ways
            reason = str(error) or type(error).__name__
            raise BagError(f"bag '{self.path}' cannot be read: {reason}") from error

    def _find_images(self, reader: Reader, topic: str) -> list[Connection]:
        connections = self._find(reader, [topic])
        images = [image.name for image in _image_topics(reader)]
        if topic not in images:
            raise BagError(
                f"topic '{topic}' of bag '{self.path}' is of type {connections[0].msgtype}, "
                f"must hold images: {_names(images)}"
            )
        return connections

    def _find(self, reader: Reader, topics: Collection[str]) -> list[Connection]:
        for topic in topics:
            if topic not in reader.topics:
                raise BagError(
                    f"bag '{self.path}' has no topic '{topic}', it has {_names(reader.topics)}"
                )
        return [connection for connection in reader.connections if connection.topic in topics]


def _types_of(connections: Iterable[Connection], known: Mapping[str, str]) -> Typestore:
    types = get_typestore(Stores.EMPTY)
    readers: dict[MessageDefinitionFormat, Callable[[str, str], Any]] = {
        MessageDefinitionFormat.MSG: get_types_from_msg,
        MessageDefinitionFormat.IDL: lambda text, _: get_types_from_idl(text),
    }
    for connection in connections:
        read = readers.get(connection.msgdef.format)
        if read is not None:
            types.register(read(connection.msgdef.data, connection.msgtype))
        elif connection.msgtype in known:
            types.register(image_types().fielddefs)
            for name, text in known.items():
                types.register(get_types_from_msg(text, name))
        else:
            raise BagError(
                f"topic '{connection.topic}' is of type {connection.msgtype}, which this bag does "
                "not define: convert it with `ros2 bag convert` to mcap, which holds definitions"
            )
    return types


def _image_topics(reader: Reader) -> list[BagTopic]:
    return [
        BagTopic(name, topic.msgtype, topic.msgcount)
        for name, topic in reader.topics.items()
        if topic.msgtype in (RAW_IMAGE_TYPE, COMPRESSED_IMAGE_TYPE)
    ]


def _names(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def _to_frame(message: Any, topic: str) -> Frame:
    stamp = message.header.stamp
    image: RawImage | CompressedImage
    if message.__msgtype__ == RAW_IMAGE_TYPE:
        image = RawImage(
            message.height,
            message.width,
            message.encoding,
            bool(message.is_bigendian),
            message.step,
            message.data,
        )
    else:
        image = CompressedImage(message.format, message.data)
    return Frame(topic, stamp.sec * NANOSECONDS + stamp.nanosec, message.header.frame_id, image)

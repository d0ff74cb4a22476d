"""What of a bag is meant when nobody says: the topic and the frame."""

from __future__ import annotations

from itertools import islice

from pixelrefer_ros.errors import BagError, UnsupportedEncodingError
from pixelrefer_ros.streams.bag_reader import BagReader, BagTopic
from pixelrefer_ros.streams.frame import Frame

TRIED_FRAMES = 10
"""How many frames of a topic are tried before its pixels count as unreadable."""


def choose_topic(bag: BagReader, name: str = "") -> BagTopic:
    """Return the image topic `name`, or the first one by name whose pixels can be read.

    That leaves out depth images. One readable frame among the first `TRIED_FRAMES` is enough;
    broken messages are passed over. Raises `BagError` when there is no such topic.
    """
    topics = bag.topics()
    listing = ", ".join(topic.name for topic in topics) or "none"
    if name:
        for topic in topics:
            if topic.name == name:
                return topic
        raise BagError(f"bag '{bag.path}' has no image topic '{name}', it has: {listing}")
    for topic in topics:
        if _is_readable(bag, topic.name):
            return topic
    raise BagError(f"bag '{bag.path}' has no image topic that can be read; image topics: {listing}")


def last_frame(bag: BagReader, topic: str) -> Frame:
    """Return the frame with the latest header stamp. Raises `BagError` when there is none."""
    last = max(bag.frames(topic), key=lambda frame: frame.stamp_ns, default=None)
    if last is None:
        raise BagError(f"topic '{topic}' of bag '{bag.path}' holds 0 frames")
    return last


def _is_readable(bag: BagReader, topic: str) -> bool:
    return any(_has_pixels(frame) for frame in islice(bag.frames(topic), TRIED_FRAMES))


def _has_pixels(frame: Frame) -> bool:
    try:
        frame.rgb()
    except UnsupportedEncodingError:
        return False
    return True

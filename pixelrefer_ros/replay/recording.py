"""The bag that is asked about: which frames a query means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from pixelrefer_ros.replay.queries import ReplayQuery
from pixelrefer_ros.streams.bag_choice import choose_topic
from pixelrefer_ros.streams.bag_index import BagIndex, FramePlace
from pixelrefer_ros.streams.bag_reader import BagReader, BagTopic, BrokenMessage
from pixelrefer_ros.streams.frame import Frame
from pixelrefer_ros.streams.sampling import sample_evenly
from pixelrefer_ros.streams.stamps import NANOSECONDS, STAMP_TOLERANCE_NS

NEAREST_NS = NANOSECONDS // 2
"""How far a time counted from the start may be from its frame."""


class Moment(NamedTuple):
    """The frame a query points at, and its place among all frames to look at.

    distance_s: how far that frame is from the time asked about; 0 where no frame is missing there.
    """

    places: tuple[FramePlace, ...]
    pointed_at: int
    distance_s: float = 0.0

    @property
    def place(self) -> FramePlace:
        """The frame pointed at."""
        return self.places[self.pointed_at]


@dataclass(frozen=True, eq=False)
class Recording:
    """A bag with the index of each topic that is asked about. Can be sent to another process."""

    bag: BagReader
    first_topic: str
    topics: dict[str, BagTopic]
    indices: dict[str, BagIndex]

    @classmethod
    def open(cls, path: str, queries: Sequence[ReplayQuery]) -> Recording:
        """Open a bag and find the frames of all topics asked about.

        Raises `BagError` for a bag or topic that is not there, `NoFrameError` for an empty topic.
        """
        bag = BagReader(path)
        names = {query.topic for query in queries}
        first = choose_topic(bag).name if "" in names else ""
        topics = {name: choose_topic(bag, name) for name in sorted((names | {first}) - {""})}
        return cls(bag, first, topics, {name: BagIndex(bag, name) for name in topics})

    @property
    def broken(self) -> list[BrokenMessage]:
        """The messages that cannot be read."""
        return [broken for index in self.indices.values() for broken in index.broken]

    def topic(self, query: ReplayQuery) -> str:
        """Name the topic a query is about."""
        return query.topic or self.first_topic

    def stamp_ns(self, query: ReplayQuery) -> int:
        """Return the stamp a query wants."""
        start = self.indices[self.topic(query)].start_ns if query.is_from_start else 0
        return start + query.stamp_ns

    def find(self, query: ReplayQuery) -> Moment:
        """Find the frames of a query. Raises `FrameEvictedError` where there is none."""
        index = self.indices[self.topic(query)]
        tolerance_ns = NEAREST_NS if query.is_from_start else STAMP_TOLERANCE_NS
        place = index.nearest(self.stamp_ns(query), tolerance_ns=tolerance_ns)
        before = index.before(place, query.history_ns)
        chosen = sample_evenly(
            [one.stamp_ns for one in before], query.num_frames, always=[before.index(place)]
        )
        places = tuple(before[number] for number in chosen)
        distance_ns = abs(place.stamp_ns - self.stamp_ns(query))
        is_far = query.is_from_start and distance_ns > _usual_period_ns(index)
        distance_s = round(distance_ns / NANOSECONDS, 4) if is_far else 0.0
        return Moment(places, places.index(place), distance_s)

    def read(self, query: ReplayQuery, moment: Moment) -> list[Frame]:
        """Read the frames of a query. Raises `BagError`."""
        return self.indices[self.topic(query)].read(moment.places)


def _usual_period_ns(index: BagIndex) -> float:
    """Return the median time from one frame to the next; 0 where there is only one."""
    gaps = np.diff([place.stamp_ns for place in index.places])
    return float(np.median(gaps)) if gaps.size else 0.0

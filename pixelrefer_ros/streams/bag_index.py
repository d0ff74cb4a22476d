"""Which frames a topic of a bag holds, so that some of them can be read without the others."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from pixelrefer_ros.errors import FrameEvictedError, NoFrameError
from pixelrefer_ros.streams.bag_reader import BagReader, BrokenMessage
from pixelrefer_ros.streams.frame import Frame
from pixelrefer_ros.streams.frame_buffer import REORDER_WINDOW_NS
from pixelrefer_ros.streams.stamps import format_seconds


@dataclass(frozen=True)
class FramePlace:
    """Where a frame lies.

    Its stamp, its epoch as in `FrameBuffer`, when it was received, and the size of its image as it
    came, bytes.
    """

    stamp_ns: int
    epoch: int
    receive_ns: int
    nbytes: int


class BagIndex:
    """The stamps of all frames of one image topic; pixels stay in the bag until `read`.

    As in a `FrameBuffer`, a frame with the stamp of another replaces it, and when time jumps back a
    new epoch begins. Broken messages are left out and listed. Can be sent to another process.
    """

    def __init__(self, bag: BagReader, topic: str) -> None:
        """Go through the topic once. Raises `BagError`, `NoFrameError` where it holds no frame."""
        self.topic = topic
        self.broken: list[BrokenMessage] = []
        self._bag = bag
        epochs: list[dict[int, FramePlace]] = [{}]
        newest_ns: int | None = None
        for receive_ns, frame in bag.received_frames(topic, on_broken=self.broken.append):
            if newest_ns is not None and frame.stamp_ns < newest_ns - REORDER_WINDOW_NS:
                epochs.append({})
                newest_ns = None
            newest_ns = max(newest_ns or frame.stamp_ns, frame.stamp_ns)
            epochs[-1][frame.stamp_ns] = FramePlace(
                frame.stamp_ns, len(epochs) - 1, receive_ns, frame.nbytes
            )
        self._epochs = [[places[stamp] for stamp in sorted(places)] for places in epochs]
        if not self._epochs[0]:
            broken = f" that can be read, {len(self.broken)} broken" if self.broken else ""
            raise NoFrameError(f"topic '{topic}' of bag '{bag.path}' holds 0 frames{broken}")

    @property
    def places(self) -> list[FramePlace]:
        """All frames, by epoch and stamp."""
        return [place for epoch in self._epochs for place in epoch]

    @property
    def start_ns(self) -> int:
        """Stamp of the first frame."""
        return self._epochs[0][0].stamp_ns

    def nearest(self, stamp_ns: int, *, tolerance_ns: int) -> FramePlace:
        """Return the frame whose stamp is nearest to `stamp_ns`, of several the first.

        Raises `FrameEvictedError` when none is within the tolerance.
        """
        found = min(self.places, key=lambda place: abs(place.stamp_ns - stamp_ns))
        distance_ns = abs(found.stamp_ns - stamp_ns)
        if distance_ns > tolerance_ns:
            raise FrameEvictedError(
                f"stamp {format_seconds(stamp_ns)} of topic '{self.topic}' is "
                f"{format_seconds(distance_ns)} s from the nearest frame, which is at "
                f"{format_seconds(found.stamp_ns)}; at most {format_seconds(tolerance_ns)} s "
                "are allowed"
            )
        return found

    def before(self, place: FramePlace, history_ns: int) -> list[FramePlace]:
        """Return the frames stamped up to `history_ns` before one, and that one, of its epoch."""
        epoch = self._epochs[place.epoch]
        start = bisect_left(epoch, place.stamp_ns - history_ns, key=lambda one: one.stamp_ns)
        return epoch[start : bisect_right(epoch, place.stamp_ns, key=lambda one: one.stamp_ns)]

    def read(self, places: Sequence[FramePlace]) -> list[Frame]:
        """Read frames, in the order of `places`. Raises `BagError`."""
        times = [place.receive_ns for place in places]
        wanted = {(place.receive_ns, place.stamp_ns) for place in places}
        frames = {
            (receive_ns, frame.stamp_ns): frame
            for receive_ns, frame in self._bag.received_frames(
                self.topic, start_ns=min(times), end_ns=max(times), on_broken=lambda _: None
            )
            if (receive_ns, frame.stamp_ns) in wanted
        }
        return [frames[place.receive_ns, place.stamp_ns] for place in places]

"""The last seconds of a camera, kept so that a question can point at a frame by its stamp."""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from operator import attrgetter
from typing import NamedTuple, TypedDict

from pixelrefer_ros.errors import FrameEvictedError, NoFrameError
from pixelrefer_ros.streams.frame import Frame
from pixelrefer_ros.streams.stamps import NANOSECONDS, format_seconds

REORDER_WINDOW_NS = NANOSECONDS // 2
"""A frame this much older than the newest came late; an older one means that time jumped back."""

_stamp = attrgetter("stamp_ns")


class BufferLimits(TypedDict):
    """What bounds a `FrameBuffer`, see there."""

    seconds: float
    frames: int
    max_bytes: int
    stamp_tolerance: float


class BufferStatistics(NamedTuple):
    """Counts since the buffer was made, and what it holds now.

    dropped: all that left; crowded_out: those of them that count or size drove out before their
        time.
    """

    received: int
    dropped: int
    crowded_out: int
    held: int
    nbytes: int
    epoch: int


class FrameBuffer:
    """Frames of one camera in the order of their stamps, safe to use from many threads.

    Bounded by age against the newest stamp (`seconds`), by count (`frames`) and by the size of the
    images as they came (`max_bytes`); the oldest go first, the newest always stays. Pinned frames
    outlive their age and go last when count or size demand it; whoever holds a frame can use it
    even then. A frame with the stamp of another replaces it, so a driver that stamps everything 0
    keeps one frame. When time jumps back (a bag loops, a simulation restarts) the old frames are
    dropped and `epoch` counts up. `stamp_tolerance` is in seconds.
    """

    def __init__(
        self, name: str, *, seconds: float, frames: int, max_bytes: int, stamp_tolerance: float
    ) -> None:
        self.name = name
        self._lock = threading.Condition()
        self._frames: list[Frame] = []  # by stamp, oldest first
        self._pins: Counter[Frame] = Counter()
        self._nbytes = 0
        self._received = 0
        self._dropped = 0
        self._crowded_out = 0
        self._epoch = 0
        self.change_limits(
            seconds=seconds, frames=frames, max_bytes=max_bytes, stamp_tolerance=stamp_tolerance
        )

    def change_limits(
        self, *, seconds: float, frames: int, max_bytes: int, stamp_tolerance: float
    ) -> None:
        """Keep to other limits from now on, and drop what no longer fits. Raises `ValueError`."""
        for field, value in (("seconds", seconds), ("frames", frames), ("max_bytes", max_bytes)):
            if not value > 0:
                raise ValueError(f"{field} of camera '{self.name}' is {value}, must be above 0")
        if not stamp_tolerance >= 0:
            raise ValueError(
                f"stamp_tolerance of camera '{self.name}' is {stamp_tolerance}, must be at least 0"
            )
        with self._lock:
            self._max_age_ns = round(seconds * NANOSECONDS)
            self._max_frames = frames
            self._max_bytes = max_bytes
            self._tolerance_ns = round(stamp_tolerance * NANOSECONDS)
            if self._frames:
                self._evict()

    def append(self, frame: Frame) -> None:
        """Take in a frame, in its place by stamp, and drop what no longer fits."""
        with self._lock:
            self._received += 1
            if self._frames and frame.stamp_ns < self._frames[-1].stamp_ns - REORDER_WINDOW_NS:
                self._drop(0, len(self._frames))
                self._epoch += 1
            frame.epoch = self._epoch
            place = bisect_left(self._frames, frame.stamp_ns, key=_stamp)
            if place < len(self._frames) and self._frames[place].stamp_ns == frame.stamp_ns:
                self._drop(place, place + 1)
            self._frames.insert(place, frame)
            self._nbytes += frame.nbytes
            self._evict()
            self._lock.notify_all()

    def newest(self) -> Frame:
        """Return the frame with the latest stamp. Raises `NoFrameError`."""
        with self._lock:
            self._check_not_empty()
            return self._frames[-1]

    def wait_for_news(self, frame: Frame, timeout_s: float) -> list[Frame]:
        """Wait for frames later than `frame` and return them, oldest first.

        Returns none when `timeout_s` passed before. After a jump back in time, which tells on their
        `epoch`, all frames are later.
        """
        with self._lock:
            self._lock.wait_for(lambda: self._is_newest_after(frame), timeout_s)
            if not self._frames or self._frames[-1].epoch != frame.epoch:
                return list(self._frames)
            return self._frames[bisect_right(self._frames, frame.stamp_ns, key=_stamp) :]

    def at(self, stamp_ns: int) -> Frame:
        """Return the frame at `stamp_ns`, else the nearest within `stamp_tolerance`.

        Raises `NoFrameError` when there is none at all, `FrameEvictedError` when none is near.
        """
        with self._lock:
            self._check_not_empty()
            place = bisect_left(self._frames, stamp_ns, key=_stamp)
            neighbours = self._frames[max(place - 1, 0) : place + 1]
            nearest = min(neighbours, key=lambda frame: abs(frame.stamp_ns - stamp_ns))
            if abs(nearest.stamp_ns - stamp_ns) <= self._tolerance_ns:
                return nearest
            oldest, newest = self._frames[0].stamp_ns, self._frames[-1].stamp_ns
            count = len(self._frames)
        if stamp_ns < oldest:
            distance = f"{format_seconds(oldest - stamp_ns)} s older than the oldest frame"
        elif stamp_ns > newest:
            distance = f"{format_seconds(stamp_ns - newest)} s newer than the newest frame"
        else:
            distance = (
                f"{format_seconds(abs(nearest.stamp_ns - stamp_ns))} s from the nearest frame"
            )
        raise FrameEvictedError(
            f"stamp {format_seconds(stamp_ns)} of camera '{self.name}' is {distance}, "
            f"stamp_tolerance is {format_seconds(self._tolerance_ns)} s; the buffer holds {count} "
            f"frames from {format_seconds(oldest)} to {format_seconds(newest)}"
        )

    def between(self, start_ns: int, end_ns: int) -> list[Frame]:
        """Return the frames stamped `start_ns` to `end_ns`, both included, all of one epoch."""
        with self._lock:
            start = bisect_left(self._frames, start_ns, key=_stamp)
            return self._frames[start : bisect_right(self._frames, end_ns, key=_stamp)]

    def frames(self) -> list[Frame]:
        """Return all frames, oldest first."""
        with self._lock:
            return list(self._frames)

    def stamps(self) -> list[int]:
        """Return the stamps of all frames in nanoseconds, oldest first."""
        return [frame.stamp_ns for frame in self.frames()]

    @contextmanager
    def pin(self, frame: Frame) -> Iterator[Frame]:
        """Keep `frame` findable for as long as the context lasts, within count and size."""
        with self._lock:
            self._pins[frame] += 1
        try:
            yield frame
        finally:
            with self._lock:
                self._pins[frame] -= 1
                if not self._pins[frame]:
                    del self._pins[frame]

    def statistics(self) -> BufferStatistics:
        """Return the counters for diagnostics."""
        with self._lock:
            return BufferStatistics(
                self._received,
                self._dropped,
                self._crowded_out,
                len(self._frames),
                self._nbytes,
                self._epoch,
            )

    def _is_newest_after(self, frame: Frame) -> bool:
        if not self._frames:
            return False
        newest = self._frames[-1]
        return newest.epoch != frame.epoch or newest.stamp_ns > frame.stamp_ns

    def _check_not_empty(self) -> None:
        if not self._frames:
            raise NoFrameError(f"camera '{self.name}' has not delivered any frame")

    def _evict(self) -> None:
        oldest_kept_ns = self._frames[-1].stamp_ns - self._max_age_ns
        while len(self._frames) > 1:
            overfull = len(self._frames) > self._max_frames or self._nbytes > self._max_bytes
            place = next(
                (i for i in range(len(self._frames) - 1) if self._frames[i] not in self._pins), None
            )
            if place is None:
                if not overfull:
                    return
                place = 0
            elif not overfull and self._frames[place].stamp_ns >= oldest_kept_ns:
                return
            self._crowded_out += self._frames[place].stamp_ns >= oldest_kept_ns
            self._drop(place, place + 1)

    def _drop(self, start: int, end: int) -> None:
        self._nbytes -= sum(frame.nbytes for frame in self._frames[start:end])
        self._dropped += end - start
        del self._frames[start:end]

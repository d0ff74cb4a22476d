"""One watched object: a thread that follows it from frame to frame."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass
from operator import attrgetter

from pixelrefer_ros.engine.expiry import expire_after
from pixelrefer_ros.errors import (
    CanceledError,
    DeadlineError,
    InferenceError,
    ObjectLostError,
    PixelReferError,
    UnsupportedEncodingError,
)
from pixelrefer_ros.regions.propagation import TrackedMask
from pixelrefer_ros.regions.reference import Mask, Region, bounding_box
from pixelrefer_ros.ros.region_finding import RegionFinder
from pixelrefer_ros.streams.frame import Frame
from pixelrefer_ros.streams.frame_buffer import FrameBuffer
from pixelrefer_ros.streams.stamps import NANOSECONDS, format_seconds

POLL_S = 0.2
"""How often a track without new frames looks whether it has ended."""

STRIDE_NS = NANOSECONDS // 5
"""Longest step in time while following keeps up with the camera."""


NOT_SEEN = TrackedMask(None, 0.0)


@dataclass(frozen=True, eq=False)
class Sighting:
    """An object on one frame; `region`, box and mask of its size, is None where it is not seen."""

    frame: Frame
    region: Region | None
    score: float


class Track:
    """One object on its way through the frames of a camera; `start` sets it going.

    It steps to the newest frame; behind by more than `STRIDE_NS` it steps a quarter of the way, so
    that it catches up from an old frame in steps that can be followed, and a slow propagator stays
    a few of its steps behind the camera, no more. `on_step` is called from the track's thread.
    """

    def __init__(
        self,
        object_id: str,
        buffer: FrameBuffer,
        *,
        finder: RegionFinder,
        timeout_s: float,
        lost_after_s: float,
        on_step: Callable[[Sighting], None],
    ) -> None:
        self.object_id = object_id
        self.buffer = buffer
        self.ended: Future[PixelReferError] = Future()
        """Why it ended."""
        self._finder = finder
        self._timeout_s = timeout_s
        self._lost_after_s = lost_after_s
        self._on_step = on_step
        self._lock = threading.Lock()
        self._steps: dict[int, Sighting] = {}
        self._last_step: Sighting | None = None
        self._latest: Sighting | None = None

    def start(self, frame: Frame, region: Region) -> None:
        """Follow what `region` points at on `frame`, in a thread."""
        timeout = DeadlineError(f"timeout is {self._timeout_s:.3f} s and has passed")
        expire_after(self._timeout_s, self.ended, self.end, timeout)
        threading.Thread(
            target=self._run, args=[frame, region], name=f"track {self.object_id}", daemon=True
        ).start()

    def latest(self) -> Sighting | None:
        """Return where the object was last seen; None before its first mask."""
        with self._lock:
            return self._latest

    def last_step(self) -> Sighting | None:
        """Return what the last step saw, if only that it is hidden; None before the first."""
        with self._lock:
            return self._last_step

    def on(self, frame: Frame) -> Sighting | None:
        """Return the sighting on a frame that is still buffered; None where it did not step."""
        with self._lock:
            sighting = self._steps.get(frame.stamp_ns)
        return sighting if sighting is not None and sighting.frame is frame else None

    def end(self, reason: PixelReferError) -> None:
        """End it, unless it has ended already."""
        with suppress(InvalidStateError):
            # Its traceback leads back to here, and to the pictures.
            self.ended.set_result(reason.with_traceback(None))

    def _run(self, frame: Frame, region: Region) -> None:
        try:
            tracker, mask = self._finder.begin(frame, region).result()
            self._note(frame, TrackedMask(mask, 1.0))
            reached = frame
            while not self.ended.done():
                news = self.buffer.wait_for_news(reached, POLL_S)
                if not news:
                    continue
                reached = choose_next(reached, news)
                try:
                    self._check_continuous(frame, reached)
                    tracked = self._finder.step(tracker, reached).result()
                except UnsupportedEncodingError:  # one damaged frame, on which nothing is seen
                    tracked = NOT_SEEN
                else:
                    frame = reached
                self._note(reached, tracked)
        except PixelReferError as error:
            self.end(error)
        except CancelledError:
            self.end(CanceledError("the node was deactivated"))
        except Exception as error:
            self.end(InferenceError(f"following failed: {type(error).__name__}: {error}"))

    def _check_continuous(self, frame: Frame, following: Frame) -> None:
        if following.epoch != frame.epoch:
            raise ObjectLostError(
                f"time of camera '{self.buffer.name}' jumped back from "
                f"{format_seconds(frame.stamp_ns)} to {format_seconds(following.stamp_ns)}"
            )
        if following.size != frame.size:
            raise ObjectLostError(
                f"camera '{self.buffer.name}' changed its images from "
                f"{frame.size[1]} x {frame.size[0]} to {following.size[1]} x {following.size[0]}"
            )

    def _note(self, frame: Frame, tracked: TrackedMask) -> None:
        sighting = Sighting(frame, self._to_region(tracked.mask), tracked.score)
        oldest_ns = min(self.buffer.stamps(), default=frame.stamp_ns)
        with self._lock:
            self._steps[frame.stamp_ns] = self._last_step = sighting
            if sighting.region is not None:
                self._latest = sighting
            for stamp_ns in [stamp for stamp in self._steps if stamp < oldest_ns]:
                del self._steps[stamp_ns]
            last_seen = self._latest
        if self.ended.done():
            return
        self._on_step(sighting)
        if (
            last_seen is None
            or frame.stamp_ns - last_seen.frame.stamp_ns > self._lost_after_s * 1e9
        ):
            raise ObjectLostError(
                f"object '{self.object_id}' was not seen for more than {self._lost_after_s:g} s "
                "(tracks.lost_after)"
            )

    def _to_region(self, mask: Mask | None) -> Region | None:
        if mask is None:
            return None
        x, y, width, height = bounding_box(mask)
        inside = mask[y : y + height, x : x + width].copy()
        return Region(object_id=self.object_id, box=(x, y, width, height), mask=inside)


def choose_next(frame: Frame, news: Sequence[Frame]) -> Frame:
    """Choose which of the frames after `frame`, oldest first, to follow the object to."""
    lag_ns = news[-1].stamp_ns - frame.stamp_ns
    if news[-1].epoch != frame.epoch or lag_ns <= STRIDE_NS:
        return news[-1]
    goal_ns = frame.stamp_ns + max(STRIDE_NS, lag_ns // 4)
    return news[max(bisect_right(news, goal_ns, key=attrgetter("stamp_ns")) - 1, 0)]

"""All objects that are watched now."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from pixelrefer_ros.errors import (
    BusyError,
    InferenceError,
    InvalidRegionError,
    PixelReferError,
)
from pixelrefer_ros.regions.reference import Region
from pixelrefer_ros.ros.region_finding import RegionFinder
from pixelrefer_ros.ros.track import Sighting, Track
from pixelrefer_ros.streams.frame import Frame
from pixelrefer_ros.streams.frame_buffer import FrameBuffer


@dataclass
class Tracks:
    """Live tracks by camera and object; at most `max_count` at a time.

    The limits may be set while tracks live; those go on as they were begun.
    """

    finder: RegionFinder
    max_count: int
    lost_after_s: float
    _live: dict[tuple[str, str], Track] = field(default_factory=dict, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def start(
        self,
        buffer: FrameBuffer,
        frame: Frame,
        region: Region,
        *,
        timeout_s: float,
        on_step: Callable[[Sighting], None],
    ) -> Track:
        """Watch what `region` points at on `frame`.

        Raises `InvalidRegionError` for an object without a name or with that of a live track,
        `BusyError` when as many objects as possible are watched.
        """
        object_id = region.object_id
        if not object_id:
            raise InvalidRegionError("region.object_id is empty, must name the object to watch")
        track = Track(
            object_id,
            buffer,
            finder=self.finder,
            timeout_s=timeout_s,
            lost_after_s=self.lost_after_s,
            on_step=on_step,
        )
        key = (buffer.name, object_id)
        with self._lock:
            if key in self._live:
                raise InvalidRegionError(
                    f"region.object_id is '{object_id}', which is watched on camera "
                    f"'{buffer.name}' already: cancel that goal, or choose another name"
                )
            if len(self._live) >= self.max_count:
                raise BusyError(
                    f"{len(self._live)} objects are watched, at most {self.max_count} can be "
                    "(tracks.max_count)"
                )
            self._live[key] = track
        track.ended.add_done_callback(lambda _: self._forget(key))
        try:
            track.start(frame, region)
        except RuntimeError as error:  # no thread can be started
            track.end(InferenceError(str(error)))
            raise
        return track

    def live(self, camera: str) -> list[Track]:
        """Return the live tracks of a camera."""
        with self._lock:
            return [track for (name, _), track in self._live.items() if name == camera]

    def __len__(self) -> int:
        return len(self._live)

    def end_all(self, reason: PixelReferError) -> None:
        """End every track."""
        with self._lock:
            live = list(self._live.values())
        for track in live:
            track.end(reason)

    def _forget(self, key: tuple[str, str]) -> None:
        with self._lock:
            del self._live[key]

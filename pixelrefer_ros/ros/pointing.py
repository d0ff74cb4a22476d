"""What one `RegionReference` points at: a region on a buffered frame, or a watched object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pixelrefer_ros.errors import (
    FrameEvictedError,
    FrameStaleError,
    InvalidRegionError,
    ObjectLostError,
    UnknownCameraError,
    shown,
)
from pixelrefer_ros.msg import RegionReference
from pixelrefer_ros.regions.reference import Region
from pixelrefer_ros.ros.conversions import has_shape, to_nanoseconds, to_region
from pixelrefer_ros.ros.track import Sighting, Track
from pixelrefer_ros.ros.tracks import Tracks
from pixelrefer_ros.streams.frame import Frame
from pixelrefer_ros.streams.frame_buffer import FrameBuffer
from pixelrefer_ros.streams.stamps import NANOSECONDS, format_seconds


@dataclass(frozen=True)
class Place:
    """A frame and the region on it; `track` is that of a watched object."""

    frame: Frame
    region: Region
    track: Track | None = None


@dataclass(frozen=True)
class Pointer:
    """Looks up references to one camera; `now_ns` is ROS time."""

    buffer: FrameBuffer
    tracks: Tracks
    now_ns: int
    max_age_ns: int

    def look_up(self, reference: RegionReference, *, name: str) -> Place:
        """Find frame and region; `name` says which reference, for error messages.

        Raises `InvalidRegionError`, `ObjectLostError`, `UnsupportedEncodingError`, `NoFrameError`,
        `FrameEvictedError` or `FrameStaleError`.
        """
        if reference.object_id and not has_shape(reference):
            return self._look_up_track(reference, name)
        stamp_ns = to_nanoseconds(reference.header.stamp)
        frame = self._at(stamp_ns, name) if stamp_ns else self.buffer.newest()
        if not stamp_ns:
            self._check_age(frame, f"{name}.header.stamp is zero (newest frame), but the newest")
        return Place(frame, to_region(reference, name=name))

    def _look_up_track(self, reference: RegionReference, name: str) -> Place:
        track = self._track(reference.object_id, name)
        stamp_ns = to_nanoseconds(reference.header.stamp)
        sighting: Sighting | None
        if stamp_ns:
            sighting = track.on(self._at(stamp_ns, name))
            where = f"at {format_seconds(stamp_ns)}"
        else:
            sighting, where = track.latest(), "yet"
        if sighting is None or sighting.region is None:
            raise ObjectLostError(
                f"{name}: watched object '{track.object_id}' was not seen {where}; the feedback of "
                "track_region tells when it is"
            )
        if not stamp_ns:
            self._check_seen_lately(sighting.frame, track, name)
        return Place(sighting.frame, sighting.region, track)

    def _track(self, object_id: str, name: str) -> Track:
        live = {track.object_id: track for track in self.tracks.live(self.buffer.name)}
        if object_id not in live:
            raise InvalidRegionError(
                f"{name}: no box, polygon, mask or points are given, and object_id is "
                f"'{shown(object_id)}', which is not watched on camera '{self.buffer.name}'; "
                f"watched are: {', '.join(sorted(live)) or 'none'}"
            )
        return live[object_id]

    def _at(self, stamp_ns: int, name: str) -> Frame:
        try:
            return self.buffer.at(stamp_ns)
        except FrameEvictedError as error:
            raise FrameEvictedError(f"{name}.header.stamp: {error}") from error

    def _check_seen_lately(self, frame: Frame, track: Track, name: str) -> None:
        self._check_age(self.buffer.newest(), f"{name}: the newest")
        age_ns = self.now_ns - frame.stamp_ns
        if age_ns > self.max_age_ns:
            raise ObjectLostError(
                f"{name}: watched object '{track.object_id}' was last seen "
                f"{age_ns / NANOSECONDS:.3f} s ago; max_frame_age is "
                f"{self.max_age_ns / NANOSECONDS:.3f} s; ask about the stamp it was seen at"
            )

    def _check_age(self, frame: Frame, what: str) -> None:
        age_ns = self.now_ns - frame.stamp_ns
        if age_ns > self.max_age_ns:
            raise FrameStaleError(
                f"{what} frame is {age_ns / NANOSECONDS:.3f} s old; max_frame_age is "
                f"{self.max_age_ns / NANOSECONDS:.3f} s"
            )


def find_buffer(camera: str, buffers: Mapping[str, FrameBuffer]) -> FrameBuffer:
    """Return the frames of a camera; "" is the only one. Raises `UnknownCameraError`."""
    if camera in buffers:
        return buffers[camera]
    if not camera and len(buffers) == 1:
        return next(iter(buffers.values()))
    raise UnknownCameraError(
        f"camera is '{shown(camera)}', must be one of {', '.join(sorted(buffers))} (camera_names)"
    )

"""`~/annotated`: what was asked about and what is watched, drawn for people."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from rclpy.publisher import Publisher

from pixelrefer_ros.engine.query import Answer
from pixelrefer_ros.regions.drawing import draw_regions
from pixelrefer_ros.regions.reference import Region
from pixelrefer_ros.ros.conversions import to_header, to_image_message
from pixelrefer_ros.ros.inquiry import Inquiry
from pixelrefer_ros.ros.track import Sighting, Track
from pixelrefer_ros.streams.frame import Frame
from pixelrefer_ros.streams.image_codec import from_rgb

TRACK_PERIOD_S = 0.2
"""Watched objects are drawn no more often."""


class Annotator:
    """Draws the newest frame spoken of, only while anybody subscribes. Safe under threads."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._captions: dict[str, str] = {}
        self._next_drawing = 0.0

    @property
    def is_watched(self) -> bool:
        """Whether anybody would see a picture."""
        return bool(self._publisher.get_subscription_count())

    def note_answer(self, inquiry: Inquiry, answers: Sequence[Answer]) -> None:
        """Take the answers as the words of the next pictures of their camera."""
        self._captions[inquiry.buffer.name] = "\n".join(answer.text for answer in answers)

    def show_answer(self, inquiry: Inquiry, tracks: Sequence[Track]) -> None:
        """Draw the regions on the newest frame, the last words, and the other objects watched."""
        frame = max(inquiry.frames, key=lambda frame: frame.stamp_ns)
        regions = [r for r in inquiry.query.regions if inquiry.frames[r.frame] is frame]
        names = [inquiry.given_name(region.object_id) for region in regions]
        watched = _regions(track.on(frame) for track in tracks if track.object_id not in names)
        self._publish(frame, regions + watched, names + [region.object_id for region in watched])

    def show_tracks(self, frame: Frame, tracks: Sequence[Track]) -> None:
        """Draw all watched objects on a frame, not those found hidden.

        Those still to step to it are drawn where they were on their last step.
        """
        if time.monotonic() < self._next_drawing or not self.is_watched:
            return
        self._next_drawing = time.monotonic() + TRACK_PERIOD_S
        watched = _regions(track.on(frame) or track.last_step() for track in tracks)
        self._publish(frame, watched, [region.object_id for region in watched])

    def forget(self) -> None:
        """Forget the last answers."""
        self._captions.clear()

    def _publish(self, frame: Frame, regions: Sequence[Region], names: Sequence[str]) -> None:
        picture = draw_regions(
            frame.rgb(),
            [region.to_mask(*frame.size) for region in regions],
            names,
            caption=self._captions.get(frame.camera, ""),
        )
        self._publisher.publish(to_image_message(from_rgb(picture), to_header(frame)))


def _regions(sightings: Iterable[Sighting | None]) -> list[Region]:
    return [s.region for s in sightings if s is not None and s.region is not None]

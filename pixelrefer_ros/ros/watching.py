"""What the node does between its frames and the engine: find, follow, watch and draw objects."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from pixelrefer_ros.action import TrackRegion
from pixelrefer_ros.engine.query import Answer
from pixelrefer_ros.errors import BusyError, CanceledError, NotActiveError
from pixelrefer_ros.ros.annotation import Annotator
from pixelrefer_ros.ros.conversions import to_nanoseconds
from pixelrefer_ros.ros.inquiry import Inquiry
from pixelrefer_ros.ros.parameters import Settings
from pixelrefer_ros.ros.pointing import Pointer, find_buffer
from pixelrefer_ros.ros.region_finding import RegionFinder
from pixelrefer_ros.ros.request_limits import check_reference
from pixelrefer_ros.ros.track import Sighting, Track
from pixelrefer_ros.ros.tracks import Tracks
from pixelrefer_ros.streams.frame_buffer import FrameBuffer
from pixelrefer_ros.streams.stamps import NANOSECONDS

DRAWING_S = 5.0
"""Older answers are not drawn any more."""

logger = logging.getLogger(__name__)


class Watching:
    """Made when the node is configured, closed when it is cleaned up."""

    def __init__(self, settings: Settings, annotator: Annotator) -> None:
        """Load what the parameters name. Raises `PixelReferError` saying what is of no use."""
        self.finder = RegionFinder.from_settings(settings)
        self.tracks = Tracks(self.finder, settings.max_tracks, settings.track_lost_after)
        self._settings = settings
        self._annotator = annotator

    def apply_settings(self, settings: Settings) -> None:
        """Let what was set at run time take effect."""
        self._settings = settings
        self.finder.apply_limits(settings)
        self.tracks.max_count = settings.max_tracks
        self.tracks.lost_after_s = settings.track_lost_after

    def start_track(
        self,
        goal: TrackRegion.Goal,
        buffers: Mapping[str, FrameBuffer],
        now_ns: int,
        on_step: Callable[[Sighting], None],
    ) -> Track:
        """Watch what a goal asks for; `now_ns` is ROS time. Raises `PixelReferError`."""
        buffer = find_buffer(goal.camera, buffers)
        max_age_ns = round(self._settings.max_frame_age * NANOSECONDS)
        check_reference(goal.region, self._settings, name="region")
        pointer = Pointer(buffer, self.tracks, now_ns, max_age_ns)
        place = pointer.look_up(goal.region, name="region")

        def tell(sighting: Sighting) -> None:
            on_step(sighting)
            self._draw(
                lambda: self._annotator.show_tracks(sighting.frame, self.tracks.live(buffer.name))
            )

        return self.tracks.start(
            buffer,
            place.frame,
            place.region,
            timeout_s=to_nanoseconds(goal.timeout) / NANOSECONDS or self._settings.track_timeout,
            on_step=tell,
        )

    def show(self, inquiry: Inquiry, answers: Sequence[Answer], client: str) -> None:
        """Draw what a client was answered in its next turn; not at all if it comes too late."""
        self._annotator.note_answer(inquiry, answers)
        if not self._annotator.is_watched:
            return
        live = self.tracks.live(inquiry.buffer.name)
        with suppress(BusyError, NotActiveError):
            self.finder.thread.ask(
                lambda _: self._draw(lambda: self._annotator.show_answer(inquiry, live)),
                timeout_s=DRAWING_S,
                client=client,
            )

    def cancel_all(self) -> None:
        """Cancel everything; new requests are welcome."""
        self._end_tracks()
        self.finder.thread.cancel_all()

    def close(self) -> None:
        """End everything: tracks are CANCELED, requests NOT_ACTIVE."""
        self._end_tracks()
        self.finder.thread.close()

    def _end_tracks(self) -> None:
        self.tracks.end_all(CanceledError("the node was deactivated"))
        self._annotator.forget()

    def _draw(self, draw: Callable[[], None]) -> None:
        """Draw, which must not end a track."""
        try:
            draw()
        except Exception as error:
            logger.error("~/annotated: %s: %s", type(error).__name__, error)

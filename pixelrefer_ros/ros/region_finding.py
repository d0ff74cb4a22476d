"""From what a planner pointed at to masks on all frames of its question."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from pixelrefer_ros.engine.device import resolve_device
from pixelrefer_ros.engine.pending import OnProgress, Pending
from pixelrefer_ros.errors import CanceledError
from pixelrefer_ros.regions.following import follow_regions
from pixelrefer_ros.regions.propagation import (
    Propagator,
    TrackedMask,
    Tracker,
    make_propagator,
)
from pixelrefer_ros.regions.reference import Image, Mask, Region
from pixelrefer_ros.regions.segmentation import (
    AsGiven,
    Segmenter,
    make_segmenter,
    segment_regions,
)
from pixelrefer_ros.ros.inquiry import Inquiry
from pixelrefer_ros.ros.parameters import Settings
from pixelrefer_ros.ros.region_thread import IsWanted, RegionThread
from pixelrefer_ros.streams.frame import Frame

PLACES_PER_REQUEST = 4
"""Requests that may wait for their regions, for each that may wait for the model."""


@dataclass(frozen=True)
class RegionFinder:
    """Segments what is pointed at and follows it, in a thread of its own."""

    segmenter: Segmenter
    propagator: Propagator
    thread: RegionThread

    @classmethod
    def from_settings(cls, settings: Settings) -> RegionFinder:
        """Load what the parameters name. Raises `PixelReferError` saying what is of no use."""
        model, device = settings.sam2_path, str(resolve_device(settings.device))
        threshold = settings.lost_threshold
        return cls(
            make_segmenter(settings.segmenter, model=model, device=device),
            make_propagator(settings.propagator, threshold=threshold, model=model, device=device),
            RegionThread(PLACES_PER_REQUEST * settings.queue_size, watchdog=settings.watchdog),
        )

    def apply_limits(self, settings: Settings) -> None:
        """Let what may be set at run time take effect."""
        self.thread.change_capacity(PLACES_PER_REQUEST * settings.queue_size)

    def has_work(self, inquiry: Inquiry) -> bool:
        """False where the masks are there already; a box as it was given is one."""
        boxes_are_masks = isinstance(self.segmenter, AsGiven)
        return inquiry.follow or any(
            region.mask is None and not (boxes_are_masks and region.polygon is None)
            for region in inquiry.query.regions
        )

    def find(
        self,
        inquiry: Inquiry,
        *,
        timeout_s: float,
        client: str = "",
        on_progress: OnProgress | None = None,
    ) -> Pending[Inquiry]:
        """Return the inquiry with a mask for every region, how long it waited and how long it took.

        Clients take turns. Once it is canceled or its time is over, work ends with the frame it is
        at. Raises `BusyError` at once; the future fails with `DeadlineError`, with `BusyError`
        where another client's inquiry takes its place, or with an error of segmenting.
        """
        asked = time.monotonic()
        return self.thread.ask(
            lambda is_wanted: self._find(inquiry, is_wanted, asked),
            timeout_s=timeout_s,
            client=client,
            on_progress=on_progress,
        )

    def begin(self, frame: Frame, region: Region) -> Pending[tuple[Tracker, Mask]]:
        """Start to follow one object; the mask is that on `frame`."""

        def work(_: IsWanted) -> tuple[Tracker, Mask]:
            image = frame.rgb()
            mask = self.segmenter.segment(image, region)
            return self.propagator.start(image, [mask]), mask

        return self.thread.submit(work)

    def step(self, tracker: Tracker, frame: Frame) -> Pending[TrackedMask]:
        """Follow one object to a frame."""
        return self.thread.submit(lambda _: tracker.step(frame.rgb())[0])

    def _find(self, inquiry: Inquiry, is_wanted: IsWanted, asked: float) -> Inquiry:
        started = time.monotonic()
        frames = [_WantedFrame(frame, is_wanted) for frame in inquiry.frames]
        if inquiry.follow:
            found = follow_regions(
                frames, inquiry.query.regions, segmenter=self.segmenter, propagator=self.propagator
            )
            regions = [followed.region for followed in found]
        else:
            regions = segment_regions(frames, inquiry.query.regions, self.segmenter)
        given = {region.object_id for region in inquiry.query.regions}
        return replace(
            inquiry,
            query=replace(inquiry.query, regions=regions),
            made_up=frozenset({region.object_id for region in regions} - given),
            waiting_s=started - asked,
            finding_s=time.monotonic() - started,
        )


@dataclass(frozen=True)
class _WantedFrame:
    """A frame that refuses its pixels once nobody wants the answer any more."""

    frame: Frame
    is_wanted: IsWanted

    def rgb(self) -> Image:
        if not self.is_wanted():
            raise CanceledError("the request was withdrawn while its regions were looked for")
        return self.frame.rgb()

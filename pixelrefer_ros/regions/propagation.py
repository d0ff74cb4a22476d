"""Masks of one frame carried to the frames before and after it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from pixelrefer_ros.errors import CommandError
from pixelrefer_ros.regions.reference import Image, Mask

PROPAGATORS = ("flow", "sam2", "none")
LOST_THRESHOLD = 0.5


@dataclass(frozen=True, eq=False)
class TrackedMask:
    """An object on one frame.

    mask: bool [H, W], never empty; None where the object has left, is hidden, or is lost.
    score: how sure that is its mask, 0 to 1; below the propagator's threshold there is none.
    """

    mask: Mask | None
    score: float


class Tracker(Protocol):
    """Several objects on their way through frames, in either direction of time."""

    def step(self, image: Image) -> list[TrackedMask]:
        """Find every object on the next frame, uint8 RGB [H, W, 3], of the same size."""


class Propagator(Protocol):
    """Starts to follow objects."""

    def start(self, image: Image, masks: Sequence[Mask]) -> Tracker:
        """Take the objects with these masks, bool [H, W] each, on `image`, uint8 RGB [H, W, 3]."""


class NotFollowed:
    """Follows nothing: an object is only known where it was pointed at."""

    def start(self, image: Image, masks: Sequence[Mask]) -> Tracker:
        """Remember how many objects there are."""
        return _Unknown(len(masks))


@dataclass(frozen=True)
class _Unknown:
    count: int

    def step(self, image: Image) -> list[TrackedMask]:
        return [TrackedMask(None, 0.0)] * self.count


def make_propagator(
    name: str,
    *,
    threshold: float = LOST_THRESHOLD,
    model: str = "",
    device: str = "cpu",
) -> Propagator:
    """Return the propagator of that name, one of `PROPAGATORS`.

    threshold: score from 0 to 1 below which an object counts as lost.
    model: folder or downloaded hub id of SAM 2, for `sam2` alone; it runs on `device` of torch.
    Raises `CommandError` for any other name, and `CheckpointError` or `DeviceError` of SAM 2.
    """
    if name == "none":
        return NotFollowed()
    if name == "flow":
        from pixelrefer_ros.regions.optical_flow import FlowPropagator

        return FlowPropagator(threshold)
    if name == "sam2":
        from pixelrefer_ros.regions.sam2_video import Sam2Propagator  # torch: a second or two

        return Sam2Propagator(model, device=device, threshold=threshold)
    raise CommandError(f"propagator is '{name}', must be one of {', '.join(PROPAGATORS)}")


def propagate(
    propagator: Propagator, images: Sequence[Image], start: int, masks: Sequence[Mask]
) -> list[list[TrackedMask]]:
    """Return [frames][objects]: `masks` of frame `start` carried forward and backward.

    images: in the order of time, uint8 RGB [H, W, 3] each; each is taken once for each direction.
    """
    here = [[TrackedMask(mask, 1.0) for mask in masks]]
    back = _walk(propagator, images[start], masks, (images[k] for k in reversed(range(start))))
    ahead = _walk(
        propagator, images[start], masks, (images[k] for k in range(start + 1, len(images)))
    )
    return back[::-1] + here + ahead


def _walk(
    propagator: Propagator, image: Image, masks: Sequence[Mask], images: Iterable[Image]
) -> list[list[TrackedMask]]:
    tracker = propagator.start(image, masks)
    return [tracker.step(following) for following in images]

"""Follow objects by dense optical flow (DIS), corrected by their colours; needs no weights.

For each object: find where it went as a whole, compute the flow of its surroundings both ways,
carry the mask along, and let colours decide where flow cannot be trusted, because it is not the
same both ways or the pixel does not look as before. Where what was found hardly looks like the
object it is looked for by its colours alone (`colour_search.py`); what does not have them either is
lost. A lost object is searched for as it was when it was last seen well, so it does not drift and
is found when it returns. Everything happens at a bounded resolution, around each object.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pixelrefer_ros.regions.colour_model import (
    Floats,
    colour_bins,
    evidence,
    histogram,
    similarity,
)
from pixelrefer_ros.regions.colour_search import find_by_colours
from pixelrefer_ros.regions.object_search import find_displacement
from pixelrefer_ros.regions.propagation import TrackedMask
from pixelrefer_ros.regions.reference import Image, Mask
from pixelrefer_ros.regions.windows import Window

LONGEST_SIDE = 640
"""Pixels of the picture in which objects are followed; larger ones are shrunk."""
LONGEST_WINDOW = 256
"""Pixels of the surroundings of an object in which flow is computed; larger ones are shrunk."""
FEWEST_PIXELS = 12
"""Smaller than this an object is not seen."""
REACH, REACH_WHEN_LOST = 0.3, 1.0
"""How far an object is searched from where it was, in longest sides of the picture."""
MARGIN, SMALLEST_MARGIN = 0.4, 12
"""Of the surroundings around an object: in sides of the object, and pixels."""
SAME_WAY, SAME_WAY_SHARE = 1.0, 0.05
"""Pixels, and share of the flow, by which flow forth and back may differ."""
SAME_LOOK = 12.0
"""Grey levels by which a pixel may differ from where it came from."""
UNSURE, UNSURE_SHARE = 1.0, 0.06
"""Width of the edge of a mask where flow is not trusted: pixels, share of the object's size."""
UNLIKE = 0.6
"""Overlap of its colours with those it had from which on something may be the object."""
DOUBTFUL = 0.7
"""Score below which the object is looked for by its colours too."""
LEFT_BEHIND, MOVING = 0.5, 4.0
"""Weight of colours that are not the object's, once it moves so many pixels: what it uncovers does
not move, and flow alone would keep it."""
WELL_SEEN = 0.4
"""Share of its usual pixels from which an object is remembered as it looks."""


class FlowPropagator:
    """Starts to follow objects by flow; below `threshold` one counts as lost."""

    def __init__(self, threshold: float) -> None:
        self._threshold = threshold

    def start(self, image: Image, masks: Sequence[Mask]) -> FlowTracker:
        """Take the objects with these masks, bool [H, W] each, on `image`, uint8 RGB [H, W, 3]."""
        return FlowTracker(image, masks, self._threshold)


class FlowTracker:
    """Objects on their way."""

    def __init__(self, image: Image, masks: Sequence[Mask], threshold: float) -> None:
        picture = _shrink(image)
        self._threshold = threshold
        self._objects = [
            _Object(picture, _resize(mask.astype(np.float32), picture.shape) > 0.5)
            for mask in masks
        ]

    def step(self, image: Image) -> list[TrackedMask]:
        """Find every object on the next frame."""
        picture = _shrink(image)
        return [self._find(one, picture, image.shape) for one in self._objects]

    def _find(self, one: _Object, picture: Image, shape: tuple[int, ...]) -> TrackedMask:
        soft, score = one.find(picture)
        if score >= self._threshold:
            mask = _resize(soft, shape) > 0.5
            if mask.any():
                one.accept(picture, soft > 0.5)
                return TrackedMask(mask, score)
        one.lose()
        return TrackedMask(None, score)


class _Object:
    """One object as it was when it was last seen well."""

    def __init__(self, picture: Image, mask: Mask) -> None:
        self._seen = mask.any()
        if not self._seen:
            return
        self._usual_area = float(mask.sum())
        self._step = (0.0, 0.0)
        self._lost = False
        self._picture, self._mask = picture, mask
        box = Window.around(mask)
        bins = colour_bins(box.cut(picture))
        self._colours = histogram(bins, box.cut(mask).astype(np.float32))

    def find(self, picture: Image) -> tuple[Floats, float]:
        """Return how likely each pixel belongs to it, [H, W], and the score."""
        if not self._seen:
            return np.zeros(picture.shape[:2], np.float32), 0.0
        found, score = self._find_by_flow(picture)
        if score < DOUBTFUL:
            other = find_by_colours(
                self._picture,
                self._mask,
                picture,
                self._colours,
                area=self._usual_area,
                expected=self._step,
            )
            if other is not None:
                soft = other.astype(np.float32)
                likeness = similarity(histogram(colour_bins(picture), soft), self._colours)
                if _score(likeness) > score:
                    return soft, _score(likeness)
        return found, score

    def _find_by_flow(self, picture: Image) -> tuple[Floats, float]:
        found = np.zeros(picture.shape[:2], np.float32)
        reach = REACH_WHEN_LOST if self._lost else REACH
        move = find_displacement(
            self._picture, self._mask, picture, self._step, round(reach * max(picture.shape))
        )
        box = Window.around(self._mask)
        margin = max(SMALLEST_MARGIN, round(MARGIN * max(box.width, box.height)))
        window = box.grown(margin)
        there = window.moved(*move)
        soft, colours = self._carry(window, there, picture)
        there.paste(soft, found)
        if np.count_nonzero(found > 0.5) < FEWEST_PIXELS:
            return found, 0.0
        return found, _score(similarity(colours, self._colours))

    def accept(self, picture: Image, mask: Mask) -> None:
        """Take what was found for the object."""
        self._lost = False
        area = float(mask.sum())
        if area < WELL_SEEN * self._usual_area:
            return
        before, now = Window.around(self._mask).middle, Window.around(mask).middle
        self._step = now[0] - before[0], now[1] - before[1]
        self._picture, self._mask = picture, mask
        self._usual_area = max(area, 0.9 * self._usual_area)

    def lose(self) -> None:
        """Take it for hidden or gone."""
        self._lost, self._step = True, (0.0, 0.0)

    def _carry(self, window: Window, there: Window, picture: Image) -> tuple[Floats, Floats]:
        """Carry the mask from `window` of the picture before to the window `there` of this one.

        Return how likely each pixel of `there` belongs to the object, and the colours of those
        that do.
        """
        scale = min(1.0, LONGEST_WINDOW / max(window.width, window.height))
        size = round(window.width * scale), round(window.height * scale)
        before = _fit(window.cut(self._picture, repeat_border=True), size)
        now = _fit(there.cut(picture, repeat_border=True), size)
        mask = _fit(window.cut(self._mask).astype(np.float32), size)
        source, same_way = _trace(before, now)
        carried = _look_up(mask, source)
        looked = _look_up(before, source)
        change = np.abs(looked.astype(np.float32) - now).max(axis=2)
        trust = same_way * np.exp(-((cv2.GaussianBlur(change, (0, 0), 1.0) / SAME_LOOK) ** 2))
        bins, bins_before = colour_bins(now), colour_bins(before)
        around = histogram(bins_before, np.asarray(1 - cv2.dilate(mask, np.ones((3, 3)))))
        inside = np.asarray((self._colours + histogram(bins_before, mask)) / 2, np.float32)
        edge = max(UNSURE, UNSURE_SHARE * float(carried.sum()) ** 0.5)
        guess = _log_odds(cv2.GaussianBlur(carried, (0, 0), edge)) + evidence(bins, inside, around)
        sure = 1.5 * _log_odds(cv2.GaussianBlur(carried, (0, 0), 0.6))
        moving = min(1.0, np.hypot(there.left - window.left, there.top - window.top) / MOVING)
        strange = np.minimum(evidence(bins, self._colours, around), 0.0)
        odds = trust * sure + (1 - trust) * guess + LEFT_BEHIND * moving * strange
        odds = cv2.GaussianBlur(odds, (0, 0), 1.0)
        soft = np.asarray(1 / (1 + np.exp(-odds)), np.float32)
        colours = histogram(bins, (soft > 0.5).astype(np.float32))
        return _fit(soft, (window.width, window.height)), colours


def _score(likeness: float) -> float:
    return min(max((likeness - UNLIKE) / (1 - UNLIKE), 0.0), 1.0)


def _trace(before: Image, now: Image) -> tuple[Floats, Floats]:
    """Return where each pixel of `now` was, x and y [H, W, 2], and 1 where the way back agrees."""
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    old, new = cv2.cvtColor(before, cv2.COLOR_RGB2GRAY), cv2.cvtColor(now, cv2.COLOR_RGB2GRAY)
    height, width = old.shape
    back, forth = (np.zeros((height, width, 2), np.float32) for _ in range(2))
    flow.calc(new, old, back)
    flow.calc(old, new, forth)
    place = np.dstack(np.meshgrid(np.arange(width), np.arange(height)))
    source = (place + back).astype(np.float32)
    gap = np.linalg.norm(back + _look_up(forth, source), axis=2)
    allowed = SAME_WAY + SAME_WAY_SHARE * np.linalg.norm(back, axis=2)
    return source, (gap < allowed).astype(np.float32)


def _look_up(picture: NDArray[Any], source: Floats) -> NDArray[Any]:
    """Return the pixels of `picture` that lie at `source`, x and y [H, W, 2]."""
    x, y = cv2.split(source)
    return np.asarray(cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


def _log_odds(share: NDArray[Any]) -> Floats:
    limited = np.clip(share, 0.02, 0.98)
    return np.asarray(np.log(limited / (1 - limited)))


def _fit(picture: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    if (picture.shape[1], picture.shape[0]) == size:
        return picture
    smaller = size[0] < picture.shape[1]
    return np.asarray(
        cv2.resize(picture, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)
    )


def _shrink(image: Image) -> Image:
    scale = min(1.0, LONGEST_SIDE / max(image.shape[:2]))
    height, width = (max(1, round(side * scale)) for side in image.shape[:2])
    return _fit(image, (width, height))


def _resize(mask: Floats, shape: tuple[int, ...]) -> Floats:
    return _fit(mask, (shape[1], shape[0]))

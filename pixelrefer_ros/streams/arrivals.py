"""How regularly the frames of a camera come: rate, age, and those that are missing."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

WINDOW_S = 10.0
MOST_FRAMES = 2048
FEWEST_FRAMES = 5
"""Fewer than these tell no rhythm."""

GAP = 1.5
"""An interval of so many usual ones means that a frame is missing."""


@dataclass(frozen=True)
class Rhythm:
    """The frames of the last `WINDOW_S`.

    rate_hz: frames per second of arrival; missing: frames that the stamps leave a gap for.
    silence_s: since the latest frame, or since the start if there was none.
    """

    frames: int
    rate_hz: float
    missing: int
    silence_s: float


class Arrivals:
    """Notes when frames come, for `WINDOW_S`; bounded, safe under threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._latest = clock()
        self._frames: deque[tuple[float, int]] = deque(maxlen=MOST_FRAMES)

    @property
    def silence_s(self) -> float:
        """Seconds since the latest frame, or since the start if there was none."""
        return self._clock() - self._latest

    def note(self, stamp_ns: int) -> None:
        """A frame with this stamp has just come."""
        with self._lock:
            self._latest = self._clock()
            self._frames.append((self._latest, stamp_ns))

    def rhythm(self) -> Rhythm:
        """Put the window into numbers."""
        with self._lock:
            now = self._clock()
            silence_s = now - self._latest
            recent = [(when, stamp) for when, stamp in self._frames if when >= now - WINDOW_S]
        duration = recent[-1][0] - recent[0][0] if recent else 0.0
        return Rhythm(
            frames=len(recent),
            rate_hz=(len(recent) - 1) / duration if duration > 0 else 0.0,
            missing=_count_missing([stamp for _, stamp in recent]),
            silence_s=silence_s,
        )


def _count_missing(stamps_ns: list[int]) -> int:
    """Count the frames between stamps that lie farther apart than usual, which is the median.

    Where time stands still or jumps back there is no gap.
    """
    if len(stamps_ns) < FEWEST_FRAMES:
        return 0
    intervals = [later - earlier for earlier, later in pairwise(stamps_ns)]
    forward = [interval for interval in intervals if interval > 0]
    if not forward:
        return 0
    usual = median(forward)
    return sum(round(interval / usual) - 1 for interval in forward if interval >= GAP * usual)

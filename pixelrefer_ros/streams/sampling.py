"""Which frames of a stretch of time to look at."""

from __future__ import annotations

from collections.abc import Collection, Sequence


def sample_evenly(
    stamps_ns: Sequence[int], count: int, *, always: Collection[int] = ()
) -> list[int]:
    """Choose `count` of some frames, evenly in time; return their places, in order.

    stamps_ns: of the frames, ascending.
    always: places of frames that are chosen in any case, even if these are more than `count`.
    Fewer are chosen only where there are fewer. The first and the last frame are among them, as
    far as there is room beside `always`.
    """
    chosen = set(always)
    count = min(max(count, len(chosen)), len(stamps_ns))
    moments = _moments(stamps_ns, count)
    for place in sorted(chosen):
        moments.remove(min(moments, key=lambda moment: abs(moment - stamps_ns[place])))
    for moment in moments:
        free = (place for place in range(len(stamps_ns)) if place not in chosen)
        chosen.add(min(free, key=lambda place: abs(stamps_ns[place] - moment)))
    return sorted(chosen)


def _moments(stamps_ns: Sequence[int], count: int) -> list[float]:
    """Return `count` moments from the first frame to the last; a single one is the last."""
    if count <= 1:
        return [float(stamp) for stamp in stamps_ns[-1:]]
    first, last = stamps_ns[0], stamps_ns[-1]
    return [first + (last - first) * k / (count - 1) for k in range(count)]

"""Which frames to look at when a question is about the last seconds of a camera."""

from __future__ import annotations

from collections.abc import Collection, Sequence


def sample_evenly(
    stamps_ns: Sequence[int], pointed_at_ns: Collection[int], *, count: int, history_ns: int
) -> list[int]:
    """Return up to `count` of `stamps_ns`, oldest first, evenly spread over the history.

    stamps_ns: stamps of the frames there are, all of one epoch, in any order, nanoseconds.
    pointed_at_ns: stamps of the frames that regions lie on, some of `stamps_ns`, at least one;
        all of them are in the result, also when they are more than `count` or older.
    history_ns: reaches back from the newest frame pointed at; where the frames begin later, they
        are spread over what there is.
    """
    newest = max(pointed_at_ns)
    window = sorted({stamp for stamp in stamps_ns if newest - history_ns <= stamp <= newest})
    chosen = set(pointed_at_ns)
    oldest = min([*window, newest])
    steps = max(count - 1, 1)
    wanted = [newest - (newest - oldest) * step // steps for step in range(count)]
    for stamp in sorted(chosen, reverse=True):  # each of them serves the moment nearest to it
        if wanted:
            wanted.remove(min(wanted, key=lambda moment: abs(moment - stamp)))
    for moment in wanted:
        left = [stamp for stamp in window if stamp not in chosen]
        if left:
            chosen.add(min(left, key=lambda stamp: abs(stamp - moment)))
    return sorted(chosen)

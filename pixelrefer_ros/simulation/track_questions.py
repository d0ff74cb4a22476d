"""What to ask about what an object of a clip does, and when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from pixelrefer_ros.simulation import wording
from pixelrefer_ros.simulation.object_questions import describe, name_of, place_of
from pixelrefer_ros.simulation.tracking import Track
from pixelrefer_ros.simulation.wording import Exchange, ask

Random = np.random.Generator


def about_track(
    random: Random, index: int, times: Sequence[float], tracks: Sequence[Track]
) -> Iterator[Exchange]:
    """Ask what an object is, where it is at which time, what it does and when."""
    track, region = tracks[index], [(index, "")]
    best = track.best
    motion = wording.pick(random, wording.MOTIONS[track.motion]) if track.motion else ""
    words = {"category": best.category, "phrase": name_of(best), "motion": motion}
    yield ask(random, "category", region, best.category, accepted=best.thing.category.synonyms)
    if best.colour:
        yield ask(random, "colour", region, best.colour, **words)
    seen = [frame for frame in track.frames if track.seen[frame].clear]
    for frame in {seen[0], seen[-1]} if seen else ():
        moment = {0: "at the beginning", len(times) - 1: "at the end"}.get(
            frame, f"at {times[frame]:.1f} s"
        )
        place = place_of(track.seen[frame])
        yield ask(random, "place", region, place, wording="place_at", moment=moment)
    if not track.motion:
        return
    yield ask(random, "motion", region, track.motion, **words)
    yield describe(random, index, [one.best for one in tracks], motion)
    if track.manner:
        yield ask(random, "manner", region, track.manner, **words)
    if track.moves is not None:
        story = _story(track, times)
        yield ask(random, "event", region, story, story=story, **words)
        if track.moves[0] > 0:
            yield _at_time(random, "start", region, track.moves[0], times)
    if track.appears is not None and track.behind is not None:
        other = name_of(tracks[track.behind].best)
        yield _at_time(random, "appear", region, track.appears, times, other=other)
        yield ask(
            random,
            "hidden",
            region,
            "hidden",
            wording="hidden_start",
            other=other,
            accepted=[tracks[track.behind].best.category],
        )


def _story(track: Track, times: Sequence[float]) -> str:
    assert track.moves is not None
    assert track.motion is not None
    begin, end = track.moves
    motion = wording.MOTIONS[track.motion][0]
    if track.manner:
        motion = f"is {track.manner} to the {track.direction}"
    elif track.direction and track.direction not in motion:
        motion = f"{motion} to the {track.direction}"
    before = f"is still until about {begin:.1f} s, then " if begin > 0 else ""
    after = f" until about {end:.1f} s" if end < times[-1] else ""
    return f"{before}{motion}{after}"


def _at_time(
    random: Random,
    task: str,
    region: Sequence[tuple[int, str]],
    time: float,
    times: Sequence[float],
    **words: str,
) -> Exchange:
    """Ask for a time; whatever is at most one frame off is accepted."""
    step = times[1] - times[0]
    tenths = range(round((time - step) * 10), round((time + step) * 10) + 1)
    near = [f"{tenth / 10:.1f}" for tenth in tenths if tenth >= 0]
    return ask(random, task, region, f"{time:.1f}", accepted=near, **words)

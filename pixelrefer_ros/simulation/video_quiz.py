"""Multiple-choice questions about clips, of the five types of VideoRefer-Bench-Q.

basic           what something is, or its colour
sequential      in which order it moves and rests
relationship    where it is at the end, seen from something else
reasoning       what makes it move
future          what it does next; the last frames, which tell, are not shown

Answers are measured, as everywhere here; what is ambiguous is not asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from pixelrefer_ros.simulation import wording
from pixelrefer_ros.simulation.categories import CATEGORIES
from pixelrefer_ros.simulation.looks import COLOURS
from pixelrefer_ros.simulation.observation import relation
from pixelrefer_ros.simulation.scene import WIDTH
from pixelrefer_ros.simulation.tracking import Track
from pixelrefer_ros.simulation.wording import Exchange

Random = np.random.Generator

TYPES = ("basic", "sequential", "relationship", "reasoning", "future")

TASK = "video_choice"
OPTIONS = 4

QUESTIONS = {
    "category": "What is {0}?",
    "colour": "What colour is {0}?",
    "sequential": "When does {0} move?",
    "relationship": "Where is {0} at the end, seen from {1}?",
    "reasoning": "What makes {0} move?",
    "future": "What does {0} do next?",
}

SEQUENCES = {
    (False, False): "all the time",
    (True, False): "at the end only",
    (False, True): "at the beginning only",
    (True, True): "in between only",
    None: "never",
}
"""When something moves, by whether it rests before and after."""

CAUSES = {
    "pushed": "a robot hand pushes it",
    "carried": "a robot hand carries it",
    "falling": "its weight, it falls",
    "rolling": "its round shape, it rolls",
    "still": "nothing, it does not move",
}

FUTURES = {
    "left": "it moves to the left",
    "right": "it moves to the right",
    "falling": "it falls",
    "still": "it stays still",
}

ABOUT_THINGS = ("basic", "relationship")
"""Types that are asked of all things alike."""

RESTING_SHARE = 0.25
"""Share of the other questions that is asked of what rests, so that its answers are no majority."""

SHOWN = 5
"""Frames of a clip of 8 that are shown when it is asked what comes next."""

SHIFT = 0.04
"""Share of the picture's width that it then must cross to have moved."""

AT_REST = 0.005
"""Share of the picture's width that something at rest does not cross."""


def ask_quiz(random: Random, times: Sequence[float], tracks: Sequence[Track]) -> list[Exchange]:
    """Ask about what moves, and about one thing that does not."""
    clear = [index for index, track in enumerate(tracks) if track.clear]
    moving = [index for index in clear if tracks[index].moves is not None]
    resting = [index for index in clear if tracks[index].moves is None]
    asked = moving + random.permutation(resting)[:1].tolist()
    return [
        _choose(random, *question)
        for index in asked
        for question in _questions(random, index, times, tracks)
        if tracks[index].moves or question[0] in ABOUT_THINGS or random.random() < RESTING_SHARE
    ]


Question = tuple[str, str, Sequence[int], str, Sequence[str], int]
"""Type, wording, objects, right answer, all answers and frames shown."""


def _questions(
    random: Random, index: int, times: Sequence[float], tracks: Sequence[Track]
) -> Iterator[Question]:
    track = tracks[index]
    best = track.best
    if best.colour and random.random() < 0.5:
        yield "basic", "colour", (index,), best.colour, tuple(COLOURS), 0
    else:
        yield "basic", "category", (index,), best.category, tuple(CATEGORIES), 0
    if track.motion:
        rests = None if track.moves is None else (track.moves[0] > 0, track.moves[1] < times[-1])
        order = SEQUENCES[rests]
        yield "sequential", "sequential", (index,), order, tuple(SEQUENCES.values()), 0
    yield from _relationship(random, index, tracks)
    cause = track.manner or track.motion
    if cause in CAUSES:
        yield "reasoning", "reasoning", (index,), CAUSES[cause], tuple(CAUSES.values()), 0
    future = _future(track, times)
    if future is not None:
        yield "future", "future", (index,), FUTURES[future], tuple(FUTURES.values()), SHOWN


def _relationship(random: Random, index: int, tracks: Sequence[Track]) -> Iterator[Question]:
    """Ask for the place at the end as seen from one other object, if it has a clear one."""
    last = tracks[index].seen[-1]
    for other in random.permutation(len(tracks)).tolist():
        seen = tracks[other].seen[-1]
        if other == index or not (tracks[other].clear and last.clear and seen.clear):
            continue
        place = relation(last, seen)
        if place:
            yield "relationship", "relationship", (index, other), place, tuple(wording.PLACES), 0
            return


def _future(track: Track, times: Sequence[float]) -> str | None:
    """Tell what happens in the frames that are not shown, where those that are give it away."""
    here, later = track.seen[SHOWN - 1], track.seen[-1]
    if not (here.clear and later.clear):
        return None
    shift = (later.row_column[1] - here.row_column[1]) / WIDTH
    if track.moves is None or track.moves[1] <= times[SHOWN - 1]:
        return "still" if abs(shift) < AT_REST else None
    under_way = track.moves[0] < times[SHOWN - 2]
    if under_way and track.motion in ("left", "right", "rolling") and abs(shift) > SHIFT:
        direction = "right" if shift > 0 else "left"
        return direction if direction == track.direction else None
    return None


def _choose(
    random: Random,
    kind: str,
    name: str,
    objects: Sequence[int],
    right: str,
    answers: Sequence[str],
    shown: int,
) -> Exchange:
    """Put the right answer among wrong ones, with letters as in the questions about stills."""
    wrong = [answer for answer in answers if answer != right]
    options = [right, *random.choice(wrong, OPTIONS - 1, replace=False).tolist()]
    random.shuffle(options)
    choices = tuple(f"({mark}) {option}" for mark, option in zip("abcd", options, strict=True))
    answer = choices[options.index(right)]
    regions = tuple((index, "") for index in objects)
    question = QUESTIONS[name].format(*wording.marks(regions))
    return Exchange(
        TASK,
        f"{question} {' '.join(choices)}",
        answer,
        answer,
        (answer,),
        regions,
        question_type=kind,
        choices=choices,
        shown=shown,
    )

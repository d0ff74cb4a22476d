"""What happened to each object of a clip, measured in its poses and masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from pixelrefer_ros.simulation.observation import SMALLEST_REGION, Seen
from pixelrefer_ros.simulation.scene import HEIGHT, WIDTH, Scene, Thing, bounds

Floats = NDArray[np.float64]

STILL_METRES, STILL_DEGREES = 0.004, 2.0
FALL_METRES = 0.05
ROLL_DEGREES = 130.0
"""More than anything turns that falls over."""
ROLL_METRES = 0.06
SHIFT = 0.11
"""Share of the picture's width that an object must cross to have gone left or right."""

HIDDEN = 0.05
"""Share of an object below which it counts as hidden."""

TOUCH_METRES = 0.03


@dataclass(frozen=True)
class Track:
    """One object through the frames of a clip; `seen` holds one entry per frame.

    `motion` is still, left, right, falling or rolling, or None where that is ambiguous;
    `direction` left, right or None; `manner` pushed, carried or None. `moves` are the times
    between which it moved, seconds; `appears` is when it came out from behind `behind`, the index
    of the object that hid it.
    """

    seen: tuple[Seen, ...]
    motion: str | None
    direction: str | None
    manner: str | None
    moves: tuple[float, float] | None
    appears: float | None
    behind: int | None

    @property
    def frames(self) -> tuple[int, ...]:
        """The frames in which enough of it is seen."""
        return tuple(i for i, seen in enumerate(self.seen) if seen.area >= SMALLEST_REGION)

    @property
    def best(self) -> Seen:
        """The view in which the largest share of it is seen."""
        return max(self.seen, key=lambda seen: (seen.visible, seen.area))

    @property
    def clear(self) -> bool:
        """Whether it can be asked about: clearly seen at some time, and at the end."""
        return self.best.clear and len(self.frames) >= 3


def follow(
    times: Sequence[float], scenes: Sequence[Scene], views: Sequence[Sequence[Seen]]
) -> list[Track]:
    """Measure every thing of a clip. `views` [frames][things]."""
    return [_track(index, times, scenes, views) for index in range(len(scenes[0].things))]


def _track(
    index: int, times: Sequence[float], scenes: Sequence[Scene], views: Sequence[Sequence[Seen]]
) -> Track:
    things = [scene.things[index] for scene in scenes]
    boxes = np.array([bounds(thing) for thing in things])
    middles = boxes.mean(axis=1)
    column, row, _ = scenes[0].camera.project(middles).T
    steps = np.linalg.norm(np.diff(middles, axis=0), axis=1)
    turns = np.array([_angle(a, b) for a, b in pairwise(things)])
    moving = np.flatnonzero((steps > STILL_METRES) | (turns > STILL_DEGREES))
    seen = tuple(view[index] for view in views)
    return _judge(
        things=things,
        hands=[scene.props[0] for scene in scenes if scene.props],
        shift=(float(column[-1] - column[0]), float(row[-1] - row[0])),
        middles=middles,
        turn=float(turns.sum()),
        moves=(times[moving[0]], times[moving[-1] + 1]) if len(moving) else None,
        seen=seen,
        appearance=_appearance(index, times, views, (float(column[0]), float(row[0]))),
    )


def _judge(
    *,
    things: Sequence[Thing],
    hands: Sequence[Thing],
    shift: tuple[float, float],
    middles: Floats,
    turn: float,
    moves: tuple[float, float] | None,
    seen: tuple[Seen, ...],
    appearance: tuple[float, int] | None,
) -> Track:
    gone = float(np.linalg.norm(middles[-1, :2] - middles[0, :2]))
    drop = float(middles[0, 2] - middles[-1, 2])
    direction = None
    if abs(shift[0]) > SHIFT * WIDTH and abs(shift[0]) > 1.5 * abs(shift[1]):
        direction = "right" if shift[0] > 0 else "left"
    motion, manner = None, None
    if moves is None:
        motion, direction = "still", None
    elif drop > FALL_METRES:
        motion, direction = "falling", None
    elif turn > ROLL_DEGREES and gone > ROLL_METRES:
        motion = "rolling"
    elif turn < STILL_DEGREES:
        motion = direction
        if hands and len(hands) == len(things) and motion is not None:
            lifted = float(middles[:, 2].max() - middles[0, 2])
            manner = "carried" if lifted > 0.03 else "pushed" if _touched(things, hands) else None
    return Track(seen, motion, direction, manner, moves, *(appearance or (None, None)))


def _touched(things: Sequence[Thing], hands: Sequence[Thing]) -> bool:
    """Tell whether the hand is at the thing in every frame."""
    gaps = []
    for thing, hand in zip(things, hands, strict=True):
        (low, high), point = bounds(thing), hand.position
        gaps.append(np.linalg.norm(point - np.clip(point, low, high)))
    return bool(max(gaps) < TOUCH_METRES)


def _appearance(
    index: int,
    times: Sequence[float],
    views: Sequence[Sequence[Seen]],
    first_place: tuple[float, float],
) -> tuple[float, int] | None:
    """Tell when an object came into view that was hidden at first, and what hid it.

    `first_place` is the column and row of its middle in the first frame.
    """
    seen = [view[index] for view in views]
    hidden = [one.visible < HIDDEN for one in seen]
    if not hidden[0] or hidden[-1] or not seen[-1].clear:
        return None
    column = int(np.clip(first_place[0], 0, WIDTH - 1))
    row = int(np.clip(first_place[1], 0, HEIGHT - 1))
    covering = [number for number, one in enumerate(views[0]) if one.mask[row, column]]
    return (times[hidden.index(False)], covering[0]) if covering else None


def _angle(before: Thing, after: Thing) -> float:
    """Return the angle between two poses, degrees."""
    trace = float(np.trace(before.orientation.T @ after.orientation))
    return float(np.degrees(np.arccos(np.clip((trace - 1) / 2, -1, 1))))

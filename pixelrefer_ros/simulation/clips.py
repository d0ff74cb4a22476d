"""Draw clips: scenes in which one object slides, rolls, falls, is pushed or carried, or appears.

Paths are computed, not simulated, so that a clip is the same everywhere; what happened is measured
afterwards (`tracking.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pixelrefer_ros.simulation.categories import CATEGORIES, Category, Piece
from pixelrefer_ros.simulation.renderer import Renderer
from pixelrefer_ros.simulation.scene import (
    HEIGHT,
    WIDTH,
    Scene,
    Thing,
    bounds,
    draw_room,
    draw_thing,
    lay_down,
    look_at,
    place,
    place_freely,
    reach,
)
from pixelrefer_ros.simulation.shapes import box, joined, rotation

Floats = NDArray[np.float64]
Random = np.random.Generator

FRAMES = 8
GRAVITY = 9.81
TRIES = 30

HAND = Category("robot hand", lambda random: [], ("plastic",), "grasp")
"""What pushes and carries; in the picture, but not asked about."""


@dataclass(frozen=True)
class Clip:
    """The same things at several times; `times` are seconds from the first frame."""

    times: tuple[float, ...]
    scenes: tuple[Scene, ...]


@dataclass
class _Act:
    """What the actor does: poses of the actor, and of the hand if there is one, at a time."""

    actor: Thing
    pose: Callable[[float], tuple[Floats, Floats]]
    hand: Callable[[float], Floats] | None = None


def film(seed: int, *, seconds: float, rate: float) -> Iterator[tuple[float, NDArray[np.uint8]]]:
    """Render a longer clip; yield times in seconds and pictures, RGB [HEIGHT, WIDTH, 3].

    Raises `DeviceError` when nothing can draw.
    """
    key = (seed,)
    clip = draw_clip(
        np.random.default_rng(key), key, seconds=seconds, frames=round(seconds * rate) + 1
    )
    with Renderer() as renderer:
        yield from zip(clip.times, renderer.film(clip.scenes), strict=True)


def draw_clip(
    random: Random, seed: tuple[int, ...], *, seconds: float | None = None, frames: int = FRAMES
) -> Clip:
    """Draw a clip of 1 to 2 seconds or as many as given, seen by a camera that stands still."""
    duration = random.uniform(1.0, 2.0) if seconds is None else seconds
    times = tuple(float(t) for t in np.linspace(0, duration, frames))
    names = tuple(_ACTS)
    chances = np.array([_ACTS[name][1] for name in names])
    name = names[random.choice(len(names), p=chances / chances.sum())]
    for _ in range(TRIES):
        scene = _room(random, seed)
        act = _ACTS[name][0](random, scene, duration)
        if act is None or not _stays_in_picture(act, scene, times):
            continue
        _add_others(random, scene, act, times)
        return Clip(times, tuple(_at(scene, act, time) for time in times))
    return Clip(times, tuple(_at(scene, None, time) for time in times))


def _room(random: Random, seed: tuple[int, ...]) -> Scene:
    scene = draw_room(random, seed)
    camera = look_at(
        np.array([*random.uniform(-0.05, 0.05, 2), scene.table[2] + random.uniform(0.03, 0.12)]),
        distance=random.uniform(0.7, 1.25),
        azimuth=random.uniform(0, 360),
        elevation=random.uniform(15, 42),
        fovy=random.uniform(42, 55),
    )
    table = (max(scene.table[0], 1.1), max(scene.table[1], 1.0), scene.table[2])
    return replace(scene, camera=camera, table=table)


def _at(scene: Scene, act: _Act | None, time: float) -> Scene:
    """Return the scene with the actor, which is its first thing, posed as at that time."""
    if act is None:
        return scene
    position, orientation = act.pose(time)
    actor = replace(act.actor, position=position, orientation=orientation)
    props = []
    if act.hand is not None:
        props = [Thing(HAND, "grey", "plastic", _HAND_PIECES, act.hand(time), np.eye(3))]
    return replace(scene, things=[actor, *scene.things[1:]], props=props)


def _stays_in_picture(act: _Act, scene: Scene, times: tuple[float, ...]) -> bool:
    low, high = bounds(act.actor)
    offset = (low + high) / 2 - act.actor.position
    ends = np.array([act.pose(time)[0] + offset for time in times])
    column, row, depth = scene.camera.project(ends).T
    inside = (abs(column - WIDTH / 2) < 0.42 * WIDTH) & (abs(row - HEIGHT / 2) < 0.42 * HEIGHT)
    return bool(inside.all() and (depth > 0.35).all())


def _add_others(random: Random, scene: Scene, act: _Act, times: tuple[float, ...]) -> None:
    """Add 2 to 5 bystanders that are not in the actor's way."""
    _, radius = reach(act.actor)
    path = [act.pose(time)[0][:2] for time in times]
    for _ in range(int(random.integers(2, 6))):
        if not place_freely(random, scene, draw_thing(random), 0.4):
            continue
        middle, size = reach(scene.things[-1])
        if min(np.linalg.norm(middle - place) for place in path) < radius + size + 0.03:
            scene.things.pop()


def _actor(random: Random, scene: Scene, category: Category | None = None) -> Thing:
    """Draw a thing and put it near the middle of the table, as the first of the scene."""
    thing = draw_thing(random, category, scale=random.uniform(0.75, 1.25))
    _place_in_the_middle(random, scene, thing)
    scene.things.insert(0, thing)
    return thing


def _place_in_the_middle(random: Random, scene: Scene, thing: Thing) -> None:
    x, y = random.uniform(-0.2, 0.2, 2)
    place(thing, x, y, scene.table[2])


def _heading(random: Random, scene: Scene) -> Floats:
    """Draw a direction along the table, mostly across the picture."""
    angle = random.choice([0, 180]) + random.normal(0, 14)
    heading: Floats = rotation(2, angle) @ scene.camera.axes[0]
    return heading


def _progress(random: Random, duration: float) -> Callable[[float], float]:
    """Draw when a movement begins and ends; return how much of it is done at a time, 0..1."""
    begin = random.choice([0.0, random.uniform(0.15, 0.45)]) * duration
    end = random.uniform(0.75, 1.0) * duration

    def share(time: float) -> float:
        s = float(np.clip((time - begin) / (end - begin), 0, 1))
        return s * s * (3 - 2 * s)

    return share


def _stay(random: Random, scene: Scene, duration: float) -> _Act:
    thing = _actor(random, scene)
    return _Act(thing, lambda time: (thing.position, thing.orientation))


def _slide(random: Random, scene: Scene, duration: float) -> _Act:
    thing = _actor(random, scene)
    step = _heading(random, scene) * random.uniform(0.2, 0.42)
    share = _progress(random, duration)
    return _Act(thing, lambda time: (thing.position + share(time) * step, thing.orientation))


def _push(random: Random, scene: Scene, duration: float) -> _Act:
    act = _slide(random, scene, duration)
    thing = act.actor
    heading = act.pose(duration)[0] - thing.position
    heading /= np.linalg.norm(heading)
    points = thing.points() - thing.position
    behind = float((points @ heading).min()) - HAND_RADIUS - 0.002
    rise = float(np.clip(np.ptp(points[:, 2]) * 0.4, 0.03, 0.08))
    side = np.cross([0, 0, 1], heading)
    start = heading * behind + side * float((points @ side).mean()) + [0, 0, rise]
    start[2] += points[:, 2].min()
    return replace(act, hand=lambda time: act.pose(time)[0] + start)


def _carry(random: Random, scene: Scene, duration: float) -> _Act:
    thing = _actor(random, scene)
    low, high = bounds(thing)
    step = _heading(random, scene) * random.uniform(0.22, 0.4)
    lift = random.uniform(0.06, 0.13)
    share = _progress(random, duration)

    def pose(time: float) -> tuple[Floats, Floats]:
        done = share(time)
        rise = lift * min(done / 0.35, 1.0)
        aside = max(done - 0.15, 0) / 0.85
        return thing.position + aside * step + [0, 0, rise], thing.orientation

    top = np.array([*(low + high)[:2] / 2, high[2] + 0.004]) - thing.position
    return _Act(thing, pose, lambda time: pose(time)[0] + top)


def _roll(random: Random, scene: Scene, duration: float) -> _Act:
    rolling = [category for category in CATEGORIES.values() if category.rolls]
    category = (
        CATEGORIES["ball"] if random.random() < 0.4 else rolling[random.integers(len(rolling))]
    )
    thing = _actor(random, scene, category)
    heading = _heading(random, scene)
    axis = np.cross([0, 0, 1], heading)
    if category.upright:
        # Its own axis, the bottom towards the camera or away from it.
        lay_down(thing, random.uniform(0, 360))
        own = thing.orientation[:, 2]
        turn = np.degrees(np.arctan2(axis[1], axis[0]) - np.arctan2(own[1], own[0]))
        thing.orientation = rotation(2, turn) @ thing.orientation
        axis = thing.orientation[:, 2]
    _place_in_the_middle(random, scene, thing)
    own_points = np.concatenate([piece.surface.vertices for piece in thing.pieces])
    radius = float(np.ptp(own_points[:, 0])) / 2
    low, high = bounds(thing)
    pivot = (low + high) / 2 if not category.upright else thing.position
    distance, share = random.uniform(0.22, 0.42), _progress(random, duration)

    def pose(time: float) -> tuple[Floats, Floats]:
        gone = distance * share(time)
        turn = about(axis, gone / radius)
        position = pivot + turn @ (thing.position - pivot) + gone * heading
        return position, turn @ thing.orientation

    return _Act(thing, pose)


def _drop(random: Random, scene: Scene, duration: float) -> _Act:
    thing = _actor(random, scene)
    height = random.uniform(0.16, 0.34)
    begin = random.uniform(0.1, 0.55) * duration
    flight = np.sqrt(2 * height / GRAVITY)

    def pose(time: float) -> tuple[Floats, Floats]:
        fall = max(time - begin, 0)
        left = height - GRAVITY * fall**2 / 2
        if left < 0:
            bounce = 0.3 * np.sqrt(2 * GRAVITY * height)
            left = max(bounce * (fall - flight) - GRAVITY * (fall - flight) ** 2 / 2, 0)
        return thing.position + np.array([0, 0, left]), thing.orientation

    low, high = bounds(thing)
    top = np.array([*(low + high)[:2] / 2, high[2] + height + 0.004])
    return _Act(thing, pose, (lambda time: top) if random.random() < 0.6 else None)


def _topple(random: Random, scene: Scene, duration: float) -> _Act:
    tall = [category for category in CATEGORIES.values() if category.upright]
    category = tall[random.integers(len(tall))]
    thing = draw_thing(random, category, lying=False, scale=random.uniform(1, 1.4))
    _place_in_the_middle(random, scene, thing)
    scene.things.insert(0, thing)
    heading = _heading(random, scene)
    axis = np.cross([0, 0, 1], heading)
    points = thing.points()
    foot = points[points[:, 2] < points[:, 2].min() + 0.012]
    edge = float(((foot - thing.position) @ heading).max())
    pivot = thing.position + edge * heading
    begin, length = random.uniform(0.1, 0.5) * duration, random.uniform(0.35, 0.5)

    def tilted(degrees: float) -> tuple[Floats, Floats]:
        turn = about(axis, np.radians(degrees))
        position = pivot + turn @ (thing.position - pivot)
        low, _ = bounds(replace(thing, position=position, orientation=turn @ thing.orientation))
        return position + np.array([0, 0, scene.table[2] - low[2]]), turn @ thing.orientation

    def pose(time: float) -> tuple[Floats, Floats]:
        share = float(np.clip((time - begin) / length, 0, 1))
        return tilted(90 * share**2)

    return _Act(thing, pose)


def _appear(random: Random, scene: Scene, duration: float) -> _Act | None:
    wide = ("box", "teapot", "vase", "lamp", "plant", "bowl")
    screen = draw_thing(
        random, CATEGORIES[wide[random.integers(len(wide))]], scale=1.5, lying=False
    )
    if screen.look == "glass":
        return None
    right, back = scene.camera.axes[0], scene.camera.axes[2] * [1, 1, 0]
    back /= np.linalg.norm(back)
    near = back * random.uniform(0.0, 0.12) + right * random.uniform(-0.12, 0.12)
    place(screen, near[0], near[1], scene.table[2])
    thing = draw_thing(random, scale=0.7)
    sizes = bounds(screen)[1] - bounds(screen)[0], bounds(thing)[1] - bounds(thing)[0]
    if sizes[1][2] > 0.85 * sizes[0][2]:
        return None
    far = near - back * (reach(screen)[1] + reach(thing)[1] + 0.015)
    place(thing, far[0], far[1], scene.table[2])
    scene.things[:0] = [thing, screen]
    step = right * float(random.choice([-1, 1])) * random.uniform(0.2, 0.32)
    share = _progress(random, duration)
    return _Act(thing, lambda time: (thing.position + share(time) * step, thing.orientation))


def about(axis: Floats, angle: float) -> Floats:
    """Return the matrix [3, 3] of a rotation by `angle` radians about a unit axis (Rodrigues)."""
    x, y, z = axis
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    matrix = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * (cross @ cross)
    return np.asarray(matrix)


HAND_RADIUS = 0.011
"""Half the thickness of a finger, metres."""

_HAND_PIECES = (
    Piece("arm", box(0.034, 0.034, 0.5).moved([0, 0, 0.05]), "pale"),
    Piece(
        "fingers",
        joined(
            [
                box(0.07, 0.04, 0.03).moved([0, 0, 0.03]),
                box(2 * HAND_RADIUS, 2 * HAND_RADIUS, 0.05).moved([0, 0, -0.01]),
                box(0.012, 0.022, 0.05).moved([0.03, 0, -0.012]),
                box(0.012, 0.022, 0.05).moved([-0.03, 0, -0.012]),
            ]
        ),
        "dark",
    ),
)

_ACTS: dict[str, tuple[Callable[[Random, Scene, float], _Act | None], float]] = {
    "stay": (_stay, 0.10),
    "slide": (_slide, 0.16),
    "push": (_push, 0.11),
    "carry": (_carry, 0.10),
    "roll": (_roll, 0.21),
    "drop": (_drop, 0.11),
    "topple": (_topple, 0.10),
    "appear": (_appear, 0.11),
}
"""What an actor may do, and how often."""

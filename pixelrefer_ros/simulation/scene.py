"""Draw scenes: what stands where on which table, and from where it is seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from pixelrefer_ros.simulation.categories import CATEGORIES, Category, Piece
from pixelrefer_ros.simulation.looks import BACKDROPS, LOOKS
from pixelrefer_ros.simulation.shapes import rotation

Floats = NDArray[np.float64]

WIDTH, HEIGHT = 640, 480
LYING_SHARE = 0.35
ROOM = 3.2
"""Half the side of the room, metres."""


@dataclass
class Thing:
    """An object in the world: what it is, and its pose.

    `position` is its origin, the middle of its foot when it stands; `orientation` [3, 3] turns its
    own axes into those of the world. Metres; z is up.
    """

    category: Category
    colour: str
    look: str
    pieces: Sequence[Piece]
    position: Floats
    orientation: Floats

    def points(self) -> Floats:
        """Return all vertices in the world [N, 3]."""
        own = np.concatenate([piece.surface.vertices for piece in self.pieces])
        points: Floats = own @ self.orientation.T + self.position
        return points


@dataclass(frozen=True)
class Camera:
    """A pinhole camera. `axes` [3, 3] are the rows right, up and backward; `fovy` is in degrees."""

    position: Floats
    axes: Floats
    fovy: float

    def project(self, points: Floats) -> Floats:
        """Return column, row (pixels) and distance along the view (metres) of points [N, 3]."""
        right, up, back = ((points - self.position) @ self.axes.T).T
        focal = HEIGHT / 2 / np.tan(np.radians(self.fovy) / 2)
        depth = np.maximum(-back, 1e-6)
        return np.stack(
            [WIDTH / 2 + focal * right / depth, HEIGHT / 2 - focal * up / depth, depth], axis=1
        )


@dataclass(frozen=True)
class Scene:
    """Everything a picture depends on. `seed` draws textures and shades."""

    things: list[Thing]
    camera: Camera
    table: tuple[float, float, float]
    round_table: bool
    backdrops: tuple[str, str, str]
    light: Floats
    seed: tuple[int, ...]
    props: list[Thing] = field(default_factory=list)


def draw_scene(random: np.random.Generator, seed: tuple[int, ...]) -> Scene:
    """Draw a still scene of 3 to 10 objects."""
    scene = draw_room(random, seed)
    count = int(random.integers(3, 11))
    spread = random.uniform(0.18, 0.42)
    for _ in range(count):
        twin = bool(scene.things) and random.random() < 0.25
        category = scene.things[-1].category if twin else None
        place_freely(random, scene, draw_thing(random, category), spread)
    return scene


def draw_room(random: np.random.Generator, seed: tuple[int, ...]) -> Scene:
    """Draw table, surroundings and camera, and nothing on the table."""
    table = (random.uniform(0.8, 1.3), random.uniform(0.7, 1.0), random.uniform(0.4, 0.8))
    far = random.random() < 0.15
    distance = random.uniform(1.3, 2.1) if far else random.uniform(0.55, 1.25)
    target = np.array([*random.uniform(-0.08, 0.08, 2), table[2] + random.uniform(0.0, 0.08)])
    camera = look_at(
        target,
        distance=distance,
        azimuth=random.uniform(0, 360),
        elevation=random.uniform(16, 55),
        fovy=random.uniform(40, 55),
    )
    backdrops = tuple(BACKDROPS[index] for index in random.integers(0, len(BACKDROPS), 3))
    angle = random.uniform(0, 2 * np.pi)
    light = np.array([np.cos(angle), np.sin(angle), random.uniform(1.4, 3.0)])
    return Scene(
        things=[],
        camera=camera,
        table=table,
        round_table=bool(random.random() < 0.25),
        backdrops=(backdrops[0], backdrops[1], backdrops[2]),
        light=light / np.linalg.norm(light),
        seed=seed,
    )


def look_at(
    target: Floats, *, distance: float, azimuth: float, elevation: float, fovy: float
) -> Camera:
    """Place a camera, level with the horizon, that looks at a point; angles in degrees."""
    sideways, upwards = np.radians(azimuth), np.radians(elevation)
    back = np.array(
        [
            np.cos(sideways) * np.cos(upwards),
            np.sin(sideways) * np.cos(upwards),
            np.sin(upwards),
        ]
    )
    right = np.array([-np.sin(sideways), np.cos(sideways), 0.0])
    return Camera(target + distance * back, np.stack([right, np.cross(back, right), back]), fovy)


def draw_thing(
    random: np.random.Generator,
    category: Category | None = None,
    *,
    lying: bool | None = None,
    scale: float | None = None,
) -> Thing:
    """Draw an object that stands or lies at the origin."""
    if category is None:
        category = tuple(CATEGORIES.values())[random.integers(len(CATEGORIES))]
    look = category.looks[random.integers(len(category.looks))]
    colour = LOOKS[look][random.integers(len(LOOKS[look]))]
    if scale is None:
        scale = float(random.choice([0.72, 1.0, 1.4]) * random.uniform(0.95, 1.05))
    pieces = [_scaled(piece, scale) for piece in category.build(random)]
    if lying is None:
        lying = category.upright and random.random() < LYING_SHARE
    thing = Thing(category, colour, look, pieces, np.zeros(3), np.eye(3))
    if lying:
        lay_down(thing, random.uniform(10, 170))
    thing.orientation = rotation(2, random.uniform(0, 360)) @ thing.orientation
    return thing


def lay_down(thing: Thing, roll: float) -> None:
    """Lay a thing on its side as it comes to rest: on the two points that its middle is between."""
    thing.orientation = rotation(0, 90) @ rotation(2, roll)
    points = thing.points()
    middle = (points[:, 1].min() + points[:, 1].max()) / 2
    before, after = _supports(points[:, 1:], middle)
    slope = (after[1] - before[1]) / (after[0] - before[0])
    thing.orientation = rotation(0, -np.degrees(np.arctan(slope))) @ thing.orientation


def _supports(outline: Floats, middle: float) -> tuple[Floats, Floats]:
    """Find the edge below `middle` of the convex hull of points (along, up) [N, 2]."""
    ordered = outline[np.lexsort(outline.T[::-1])]
    # The lowest of all points within a millimetre are enough, and few.
    _, starts = np.unique(np.round(ordered[:, 0], 3), return_index=True)
    lowest = [part[part[:, 1].argmin()] for part in np.split(ordered, starts[1:])]
    hull: list[Floats] = []
    for point in lowest:
        while len(hull) > 1 and _turn(hull[-2], hull[-1], point) <= 0:
            hull.pop()
        hull.append(point)
    after = next(index for index, point in enumerate(hull) if point[0] > middle)
    return hull[after - 1], hull[after]


def _turn(a: Floats, b: Floats, c: Floats) -> float:
    """Return how much a path turns left at `b`."""
    return float((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]))


def place(thing: Thing, x: float, y: float, ground: float) -> None:
    """Put a thing down: its lowest point at `ground`, its middle at x, y."""
    low, high = bounds(thing)
    middle = (low + high) / 2
    thing.position = thing.position + np.array([x, y, ground]) - [*middle[:2], low[2]]


def bounds(thing: Thing) -> tuple[Floats, Floats]:
    """Return the smallest and largest coordinates of a thing in the world."""
    points = thing.points()
    return points.min(axis=0), points.max(axis=0)


def reach(thing: Thing) -> tuple[Floats, float]:
    """Return the middle [2] of what a thing covers seen from above, and how far it reaches."""
    points = thing.points()[:, :2]
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    return middle, float(np.sqrt(((points - middle) ** 2).sum(axis=1).max()))


def place_freely(random: np.random.Generator, scene: Scene, thing: Thing, spread: float) -> bool:
    """Put a thing on a free place of the table and into the scene; tell whether there was one."""
    limit = np.array(scene.table[:2]) / 2 - 0.08
    if scene.round_table:
        limit = np.minimum(limit, limit.min()) * 0.75
    _, radius = reach(thing)
    others = [reach(other) for other in scene.things]
    for _ in range(20):
        middle = np.clip(random.uniform(-spread, spread, 2), -limit, limit)
        if all(np.linalg.norm(middle - m) > 0.94 * (radius + r) + 0.006 for m, r in others):
            place(thing, middle[0], middle[1], scene.table[2])
            scene.things.append(thing)
            return True
    return False


def _scaled(piece: Piece, scale: float) -> Piece:
    surface = piece.surface
    return piece._replace(surface=replace(surface, vertices=surface.vertices * scale))

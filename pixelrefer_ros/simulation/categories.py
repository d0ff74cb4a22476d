"""The things that stand on the tables: how each is built, called and used."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from pixelrefer_ros.simulation.shapes import (
    Surface,
    arc,
    box,
    joined,
    lathe,
    prism,
    rounded,
    tube,
)

Random = np.random.Generator
Profile = Sequence[tuple[float, float]]

WALL = 0.004
"""How thick vessels are, metres."""

FIXED_PAINTS: dict[str, tuple[float, float, float]] = {
    "dark": (0.09, 0.09, 0.10),
    "pale": (0.93, 0.92, 0.88),
    "steel": (0.62, 0.63, 0.65),
    "timber": (0.72, 0.50, 0.27),
    "leaf": (0.13, 0.48, 0.14),
    "soil": (0.20, 0.13, 0.08),
    "flame": (1.00, 0.70, 0.15),
    "window": (0.55, 0.75, 0.90),
}
"""Colours of pieces that do not take the colour of the object, RGB in 0..1."""


class Piece(NamedTuple):
    """One surface of an object: the part it belongs to and its paint.

    The paint is "main" for the object's own colour and look, or a name in `FIXED_PAINTS`.
    """

    part: str
    surface: Surface
    paint: str = "main"


@dataclass(frozen=True)
class Category:
    """A kind of object.

    `looks` it may have, the most telling first; `use` completes "It is used to ..."; `upright`
    says that standing and lying are told apart; `rolls`: lying or always, it rolls.
    """

    name: str
    build: Callable[[Random], list[Piece]]
    looks: tuple[str, ...]
    use: str
    synonyms: tuple[str, ...] = ()
    upright: bool = False
    rolls: bool = False


def _vessel(outside: Profile) -> Surface:
    """Turn a hollow form: up the outside, over the rim and down the inside."""
    inside = [(max(r - WALL, 0.001), max(z, WALL)) for r, z in reversed(outside)]
    return lathe([(0, outside[0][1]), *outside, *inside, (0, WALL)])


def _curve(points: Profile, count: int = 24) -> Profile:
    """Draw a smooth line through points given from bottom to top."""
    radii, heights = np.array(points).T
    places = np.linspace(heights[0], heights[-1], count)
    left = np.interp(places, heights, radii)
    for _ in range(3):
        left[1:-1] = (left[:-2] + 2 * left[1:-1] + left[2:]) / 4
    return list(zip(left.tolist(), places.tolist(), strict=True))


def _ball(random: Random) -> list[Piece]:
    radius = random.uniform(0.035, 0.05)
    angles = np.radians(np.linspace(-90, 90, 25))
    profile = [(radius * np.cos(a), radius + radius * np.sin(a)) for a in angles]
    return [Piece("ball", lathe(profile))]


def _book(random: Random) -> list[Piece]:
    length, width, height = random.uniform([0.19, 0.13, 0.025], [0.23, 0.16, 0.045])
    cover = joined(
        [
            box(length, width, 0.004),
            box(length, width, 0.004).moved([0, 0, height - 0.004]),
            box(length, 0.004, height).moved([0, -width / 2, 0]),
        ]
    )
    pages = box(length - 0.012, width - 0.010, height - 0.008).moved([0, -0.002, 0.004])
    return [Piece("cover", cover), Piece("pages", pages, "pale")]


def _bottle(random: Random) -> list[Piece]:
    radius, height = random.uniform(0.028, 0.036), random.uniform(0.2, 0.25)
    shoulder, neck = 0.62 * height, 0.3 * radius + 0.003
    body = [
        (0, 0), (radius * 0.94, 0), (radius, 0.006), (radius, shoulder),
        (radius * 0.93, shoulder + 0.018), (radius * 0.68, shoulder + 0.036),
        (neck, shoulder + 0.056),
    ]  # fmt: skip
    cap = [(0, height), (neck + 0.005, height), (neck + 0.005, height + 0.02), (0, height + 0.02)]
    return [
        Piece("body", lathe(body)),
        Piece("neck", lathe([(neck, shoulder + 0.056), (neck, height)])),
        Piece("cap", lathe(cap), "dark" if random.random() < 0.5 else "pale"),
    ]


def _bowl(random: Random) -> list[Piece]:
    radius = random.uniform(0.065, 0.085)
    angles = np.radians(np.linspace(20, 90, 12))
    curve = [(radius * np.sin(a), radius * 0.72 * (1 - np.cos(a))) for a in angles]
    low = curve[0][1]
    return [Piece("bowl", _vessel([(r, z - low) for r, z in curve]))]


def _box(random: Random) -> list[Piece]:
    length, width, height = random.uniform([0.1, 0.08, 0.06], [0.14, 0.11, 0.1])
    lid = joined(
        [
            box(length + 0.012, width + 0.012, 0.022).moved([0, 0, height]),
            box(0.03, 0.02, 0.012).moved([0, 0, height + 0.022]),
        ]
    )
    return [Piece("body", box(length, width, height)), Piece("lid", lid)]


def _can(random: Random) -> list[Piece]:
    radius, height = random.uniform(0.032, 0.037), random.uniform(0.095, 0.12)
    body = lathe([(radius, 0.008), (radius, height - 0.008)])
    ends = [
        lathe([(0, 0), (radius * 0.9, 0), (radius, 0.008)]),
        lathe(
            [
                (radius, height - 0.008), (radius * 0.9, height), (radius * 0.84, height),
                (radius * 0.82, height - 0.004), (0, height - 0.004),
            ]
        ),
    ]  # fmt: skip
    tab = rounded(0.024, 0.014, 0.003, 0.006).moved([0.006, 0, height - 0.003])
    return [
        Piece("body", body),
        Piece("bottom", ends[0], "steel"),
        Piece("lid", joined([ends[1], tab]), "steel"),
    ]


def _candle(random: Random) -> list[Piece]:
    radius, height = random.uniform(0.022, 0.03), random.uniform(0.08, 0.13)
    wax = [
        (0, 0),
        (radius, 0),
        (radius, height),
        (radius * 0.8, height - 0.004),
        (0, height - 0.006),
    ]
    flame = [(0, 0), (0.007, 0.008), (0.008, 0.014), (0.005, 0.024), (0, 0.038)]
    return [
        Piece("wax", lathe(wax)),
        Piece("wick", tube([[0, 0, height - 0.006], [0, 0, height], [0, 0, height + 0.008]],
            0.0018), "dark"),
        Piece("flame", lathe(flame).moved([0, 0, height + 0.006]), "flame"),
    ]  # fmt: skip


def _car(random: Random) -> list[Piece]:
    length, width, wheel = random.uniform(0.15, 0.18), 0.075, 0.021
    half, low, high = length / 2, wheel * 0.8, wheel * 0.8 + 0.036
    body = prism(
        [(-half, low), (half, low), (half, high - 0.006), (half - 0.01, high),
            (-half + 0.004, high), (-half, high - 0.004)],
        width,
    )  # fmt: skip
    cabin = [(-half * 0.72, high), (half * 0.42, high), (half * 0.12, high + 0.036),
        (-half * 0.52, high + 0.036)]  # fmt: skip
    roof = [(-half * 0.56, high + 0.034), (half * 0.16, high + 0.034),
        (half * 0.12, high + 0.04), (-half * 0.52, high + 0.04)]  # fmt: skip

    def upright(surface: Surface, across: float) -> Surface:
        return surface.turned(0, 90).moved([0, across / 2, 0])

    tyre = lathe([(0, 0), (wheel, 0), (wheel, 0.018), (0.55 * wheel, 0.018)])
    hub = lathe([(0.55 * wheel, 0.018), (0, 0.019)])
    wheels = []
    for x in (-half * 0.58, half * 0.58):
        for side in (90, -90):
            place = [x, -np.sign(side) * (width / 2 - 0.014), wheel]
            wheels.append(Piece("wheel", tyre.turned(0, side).moved(place), "dark"))
            wheels.append(Piece("wheel", hub.turned(0, side).moved(place), "steel"))
    return [
        Piece("body", joined([upright(body, width), upright(prism(roof, width - 0.006),
            width - 0.006)])),
        Piece("window", upright(prism(cabin, width - 0.008), width - 0.008), "window"),
        *wheels,
    ]  # fmt: skip


def _chair(random: Random) -> list[Piece]:
    side, seat, back = 0.095, random.uniform(0.085, 0.1), random.uniform(0.1, 0.12)
    corner = side / 2 - 0.008
    legs = [box(0.012, 0.012, seat).moved([x, y, 0]) for x in (-corner, corner) for y in (
        -corner, corner)]  # fmt: skip
    posts = [box(0.012, 0.012, back).moved([-corner, y, seat]) for y in (-corner, corner)]
    slats = [
        box(0.01, side - 0.01, 0.022).moved([-corner, 0, seat + back * share])
        for share in (0.3, 0.78)
    ]
    return [
        Piece("seat", box(side, side, 0.012).moved([0, 0, seat])),
        Piece("back", joined([*posts, *slats])),
        *(Piece("leg", leg) for leg in legs),
    ]


def _cone(random: Random) -> list[Piece]:
    radius, height = random.uniform(0.04, 0.046), random.uniform(0.13, 0.16)

    def at(share: float) -> tuple[float, float]:
        return (radius * (1 - 0.85 * share), 0.01 + height * share)

    return [
        Piece("base", box(radius * 2.6, radius * 2.6, 0.01)),
        Piece("cone", joined([lathe([at(0), at(0.4)]), lathe([at(0.62), at(1), (0, at(1)[1])])])),
        Piece("stripe", lathe([at(0.4), at(0.62)]), "pale"),
    ]


def _dumbbell(random: Random) -> list[Piece]:
    radius, length = random.uniform(0.032, 0.038), random.uniform(0.17, 0.2)
    disc = lathe([(0, 0), (radius * 0.85, 0), (radius, 0.006), (radius, 0.036),
        (radius * 0.85, 0.042), (0, 0.042)])  # fmt: skip
    middle = lathe([(0.011, 0.04), (0.011, length - 0.04)])
    weights = [disc, disc.moved([0, 0, length - 0.042])]
    pieces = [Piece("bar", middle, "steel"), *(Piece("weight", weight) for weight in weights)]
    return [Piece(part, _lie(surface, radius), paint) for part, surface, paint in pieces]


def _hammer(random: Random) -> list[Piece]:
    length = random.uniform(0.2, 0.24)
    handle = lathe([(0, 0), (0.013, 0), (0.014, 0.04), (0.009, length * 0.6), (0.009, length),
        (0, length)])  # fmt: skip
    head = joined(
        [
            box(0.05, 0.026, 0.028).moved([0.0, 0, length - 0.01]),
            lathe([(0, 0), (0.015, 0), (0.015, 0.022),
                (0, 0.022)]).turned(1, 90).moved([0.025, 0, length + 0.004]),
            prism([(-0.065, 0.014), (-0.025, 0.002), (-0.025, 0.026), (-0.065, 0.018)],
                0.022).turned(0, 90).moved([0, 0.011, length - 0.01]),
        ]
    )  # fmt: skip
    return [
        Piece("handle", _lie(handle, 0.014)),
        Piece("head", _lie(head.turned(2, 90), 0.014), "steel"),
    ]


def _lamp(random: Random) -> list[Piece]:
    height, radius = random.uniform(0.2, 0.25), random.uniform(0.06, 0.07)
    base = lathe([(0, 0), (0.045, 0), (0.045, 0.008), (0.015, 0.016), (0, 0.016)])
    stand = lathe([(0.006, 0.01), (0.006, height - 0.03)])
    low, high = (radius, height - 0.085), (radius * 0.55, height)
    shade = lathe([low, high, (high[0] - 0.003, height), (low[0] - 0.003, low[1]), low])
    return [
        Piece("base", base, "dark"),
        Piece("stand", stand, "dark"),
        Piece("shade", shade),
    ]


def _mug(random: Random) -> list[Piece]:
    radius, height = random.uniform(0.036, 0.042), random.uniform(0.085, 0.105)
    body = _vessel([(radius * 0.95, 0), (radius, 0.006), (radius, height)])
    handle = tube(arc([radius - 0.004, 0, height * 0.52], height * 0.32, -90, 90, 0.95), 0.006)
    return [Piece("body", body), Piece("handle", handle)]


def _pan(random: Random) -> list[Piece]:
    radius, length = random.uniform(0.075, 0.09), random.uniform(0.12, 0.14)
    body = _vessel([(radius * 0.86, 0), (radius, 0.036)])
    handle = tube([[radius - 0.004, 0, 0.03], [radius + 0.03, 0, 0.036],
        [radius + length, 0, 0.044]], [0.006, 0.008, 0.01])  # fmt: skip
    return [Piece("body", body), Piece("handle", handle, "dark")]


def _phone(random: Random) -> list[Piece]:
    length, width = random.uniform(0.14, 0.16), random.uniform(0.07, 0.078)
    screen = rounded(length - 0.026, width - 0.012, 0.0015, 0.004).moved([0.004, 0, 0.009])
    button = lathe([(0.005, 0), (0.005, 0.0015), (0, 0.0015)]).moved(
        [-length / 2 + 0.009, 0, 0.009]
    )
    return [
        Piece("body", rounded(length, width, 0.009, 0.012)),
        Piece("screen", screen, "dark"),
        Piece("button", button, "pale"),
    ]  # fmt: skip


def _plant(random: Random) -> list[Piece]:
    radius, height = random.uniform(0.038, 0.046), random.uniform(0.065, 0.08)
    pot = _vessel([(radius * 0.72, 0), (radius, height - 0.015),
        (radius + 0.005, height - 0.015), (radius + 0.005, height)])  # fmt: skip
    soil = lathe([(radius, height - 0.01), (0, height - 0.008)])
    leaves = []
    for index in range(9):
        angle = 40 * index + random.uniform(-12, 12)
        lean, tall = random.uniform(0.02, 0.055), random.uniform(0.07, 0.12)
        path = [[lean * s**1.7, 0, height - 0.012 + tall * s] for s in np.linspace(0, 1, 7)]
        blade = tube(path, 0.012 * np.sin(np.pi * np.linspace(0.12, 0.985, 7)))
        leaves.append(blade.turned(2, angle))
    return [
        Piece("pot", pot),
        Piece("soil", soil, "soil"),
        Piece("leaves", joined(leaves), "leaf"),
    ]


def _plate(random: Random) -> list[Piece]:
    radius = random.uniform(0.09, 0.11)
    return [Piece("plate", _vessel([(radius * 0.6, 0), (radius * 0.68, 0.006), (radius, 0.018)]))]


def _screwdriver(random: Random) -> list[Piece]:
    length, blade = random.uniform(0.09, 0.105), random.uniform(0.09, 0.12)
    handle = [(0, 0), (0.011, 0.002), (0.015, 0.012), (0.013, 0.5 * length),
        (0.016, 0.8 * length), (0.009, length), (0, length)]  # fmt: skip
    shaft = joined(
        [
            lathe([(0.004, length), (0.004, length + blade)]),
            box(0.012, 0.003, 0.016).moved([0, 0, length + blade - 0.008]),
        ]
    )
    return [
        Piece("handle", _lie(lathe(handle), 0.016)),
        Piece("shaft", _lie(shaft, 0.016), "steel"),
    ]


def _spoon(random: Random) -> list[Piece]:
    length = random.uniform(0.14, 0.17)
    places = np.linspace(-1, 1, 9)
    rim = [(0.034 * np.sin(a), 0.022 * -np.cos(a)) for a in np.radians(np.arange(0, 360, 20))]
    scoop = lathe([(0, 0), (0.45, 0.001), (0.8, 0.005), (1, 0.011), (0.94, 0.011),
        (0.75, 0.006), (0.4, 0.003), (0, 0.002)])  # fmt: skip
    stretch = np.array([abs(rim[4][0]), 0.022, 1.0])
    oval = Surface(scoop.vertices * stretch, scoop.normals, scoop.grain * 0.03, scoop.faces)
    handle = [[-0.03 - (length - 0.03) * (p + 1) / 2, 0, 0.0095 + 0.006 * np.sin(1.5 * (
        p + 1))] for p in places]  # fmt: skip
    return [Piece("bowl", oval), Piece("handle", tube(handle, np.linspace(0.0036, 0.006, 9)))]


def _teapot(random: Random) -> list[Piece]:
    radius, height = random.uniform(0.055, 0.064), random.uniform(0.085, 0.1)
    belly = _curve([(radius * 0.62, 0), (radius * 0.92, height * 0.2),
        (radius * 1.08, height * 0.45), (radius * 0.9, height * 0.8),
        (radius * 0.5, height)])  # fmt: skip
    lid = [(radius * 0.56, height - 0.003), (radius * 0.45, height + 0.01),
        (0.008, height + 0.016), (0.007, height + 0.02), (0.012, height + 0.027),
        (0.008, height + 0.036), (0, height + 0.038)]  # fmt: skip
    spout = [[radius * 0.85, 0, height * 0.35], [radius * 1.25, 0, height * 0.45],
        [radius * 1.45, 0, height * 0.7], [radius * 1.75, 0, height * 0.95]]  # fmt: skip
    handle = arc([-radius * 0.82, 0, height * 0.52], height * 0.36, 90, 270, 1.1)
    return [
        Piece("body", lathe([(0, 0), *belly])),
        Piece("lid", lathe(lid)),
        Piece("spout", tube(spout, [0.017, 0.013, 0.0095, 0.008])),
        Piece("handle", tube(handle, 0.007)),
    ]


def _vase(random: Random) -> list[Piece]:
    radius, height = random.uniform(0.045, 0.055), random.uniform(0.17, 0.21)
    shape = [(0.55, 0), (0.9, 0.2), (1.0, 0.38), (0.75, 0.6), (0.38, 0.8), (0.36, 0.87), (0.62, 1)]
    return [Piece("vase", _vessel(_curve([(radius * r, height * z) for r, z in shape], 30)))]


def _wine_glass(random: Random) -> list[Piece]:
    radius, height = random.uniform(0.034, 0.04), random.uniform(0.15, 0.18)
    low = height * 0.48
    cup = _curve([(0.006, 0), (radius * 0.75, 0.018), (radius, 0.045),
        (radius * 0.86, height - low)], 14)  # fmt: skip
    return [
        Piece("foot", lathe([(0, 0), (radius * 0.9, 0), (radius * 0.85, 0.003), (0.004, 0.012)])),
        Piece("stem", lathe([(0.0042, 0.01), (0.0042, low)])),
        Piece("cup", _vessel(cup).moved([0, 0, low])),
    ]


def _lie(surface: Surface, radius: float) -> Surface:
    """Lay down along x what was built standing, its thickest part touching the ground."""
    lying = surface.turned(1, 90).moved([0, 0, radius])
    return lying.moved([-0.1, 0, 0])


_CERAMIC = ("plastic", "metal", "wood", "glass")

CATEGORIES: dict[str, Category] = {
    category.name: category
    for category in (
        Category("ball", _ball, _CERAMIC, "play", ("sphere",), rolls=True),
        Category("book", _book, ("plastic",), "read"),
        Category("bottle", _bottle, _CERAMIC, "hold a drink", (), True, True),
        Category("bowl", _bowl, _CERAMIC, "hold soup"),
        Category("box", _box, ("plastic", "metal", "wood"), "store things", ("chest",)),
        Category("can", _can, ("plastic", "metal"), "hold a drink", ("tin",), True, True),
        Category("candle", _candle, ("plastic",), "give light"),
        Category("car", _car, ("plastic", "metal", "wood"), "drive", ("toy car",)),
        Category("chair", _chair, ("plastic", "metal", "wood"), "sit on", ("toy chair",), True),
        Category("cone", _cone, ("plastic",), "mark a place", ("traffic cone",), True),
        Category("dumbbell", _dumbbell, ("plastic", "metal"), "train", ("weight",)),
        Category("hammer", _hammer, ("plastic", "wood"), "hit nails"),
        Category("lamp", _lamp, ("plastic", "metal", "glass"), "give light", ("table lamp",)),
        Category("mug", _mug, _CERAMIC, "drink", ("cup",), True),
        Category("pan", _pan, ("plastic", "metal"), "cook", ("frying pan",)),
        Category("phone", _phone, ("plastic", "metal"), "make calls", ("smartphone",)),
        Category("plant", _plant, ("plastic", "wood"), "decorate", ("potted plant",)),
        Category("plate", _plate, _CERAMIC, "serve food", ("dish",)),
        Category("screwdriver", _screwdriver, ("plastic", "wood"), "turn screws"),
        Category("spoon", _spoon, ("plastic", "metal", "wood"), "eat soup"),
        Category("teapot", _teapot, _CERAMIC, "pour tea", ("pot", "kettle")),
        Category("vase", _vase, _CERAMIC, "hold flowers", (), True, True),
        Category("wine glass", _wine_glass, ("glass",), "drink wine", ("glass", "goblet"), True),
    )
}

"""What surfaces look like: the basic colours, the four looks, and textures of the surroundings."""

from __future__ import annotations

import colorsys
from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float64]

COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (200, 20, 25),
    "orange": (248, 120, 10),
    "yellow": (245, 215, 25),
    "green": (30, 145, 50),
    "blue": (25, 70, 205),
    "purple": (120, 40, 165),
    "pink": (252, 140, 190),
    "brown": (108, 62, 28),
    "black": (24, 24, 26),
    "white": (244, 244, 241),
    "grey": (128, 129, 131),
}
"""The eleven basic colours, RGB."""

LOOKS: dict[str, tuple[str, ...]] = {
    "plastic": tuple(COLOURS),
    "metal": ("red", "orange", "yellow", "green", "blue", "purple", "pink", "grey"),
    "wood": ("red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "brown"),
    "glass": ("red", "orange", "yellow", "green", "blue", "purple", "pink", "brown"),
}
"""The looks, and the colours in which each is told apart from the others. Plastic is matte."""

BACKDROPS = ("wood", "checker", "marble", "cloth", "stripes", "plain")

TEXTURE_SIZE = 256
REFLECTION_SIZE = 128


def shade(colour: str, random: np.random.Generator) -> Floats:
    """Draw a shade that everyone calls by the name of `colour`, RGB in 0..1."""
    base = np.array(COLOURS[colour]) / 255
    return np.clip(base * random.uniform(0.9, 1.08) + random.uniform(-0.025, 0.025, 3), 0, 1)


def wood_texture(rgb: Floats, random: np.random.Generator) -> Pixels:
    """Paint grain [S, S, 3]: long lines in darker tones and tan streaks, along the rows."""
    size = TEXTURE_SIZE
    lines = _noise(random, (3, 26))[..., None]
    fine = _noise(random, (4, 90))[..., None]
    rings = 0.5 + 0.5 * np.sin(2 * np.pi * (9 * np.arange(size) / size + 2.2 * lines[..., 0]))
    dark = np.clip(rings[..., None] ** 3, 0, 1)
    tan = np.array([0.80, 0.58, 0.34])
    streaks = np.clip((fine - 0.6) * 5, 0, 1) * 0.55
    wood = rgb * (1.1 - 0.62 * dark) * (1 - streaks) + tan * streaks * (0.6 + 0.6 * rgb.max())
    return _to_pixels(wood)


def metal_texture(rgb: Floats) -> Pixels:
    """Paint what a polished ball mirrors [s, s, 3]: sky, a dark horizon, ground, and a lamp.

    Looked up by the normal as the camera sees it, so it needs no mirror in the renderer.
    """
    level, gleam = _metal_reflections()
    tinted = rgb * level * 1.15 + 0.10 * level**3
    return _to_pixels(tinted * (1 - gleam) + gleam)


@cache
def _metal_reflections() -> tuple[Floats, Floats]:
    x, y = _sphere()
    wave = 0.92 * y + 0.30 * x + 0.08 * np.sin(3.1 * x + 0.6)
    level = np.interp(
        wave,
        [-1.0, -0.62, -0.45, -0.16, -0.10, 0.10, 0.16, 0.30, 0.36, 0.62, 0.68, 1.0],
        [0.55, 0.80, 0.50, 0.32, 0.08, 0.14, 1.00, 1.10, 0.62, 0.78, 0.30, 0.22],
    )
    side = np.exp(-(((x + 0.62) / 0.10) ** 2)) + 0.5 * np.exp(-(((x - 0.74) / 0.06) ** 2))
    lamp = np.exp(-((x + 0.34) ** 2 + (y - 0.42) ** 2) / 0.012)
    gleam = np.clip(0.75 * side * (wave > -0.5) + 1.3 * lamp, 0, 1)
    return level[..., None], gleam[..., None]


def glass_texture(rgb: Floats) -> Pixels:
    """Paint a thin glass ball as one looks through it, RGBA [s, s, 4].

    Clear in the middle and dense at the rim, as Fresnel's equations have it, with two reflections.
    """
    rim, gleam = _glass_reflections()
    alpha = np.maximum(0.40 + 0.55 * rim, gleam)
    colour = rgb * (1.05 - 0.35 * rim) * (1 - gleam) + gleam
    return _to_pixels(np.dstack([colour, alpha]))


@cache
def _glass_reflections() -> tuple[Floats, Floats]:
    x, y = _sphere()
    rim = np.clip(np.hypot(x, y), 0, 1) ** 3
    lamp = np.exp(-((x + 0.40) ** 2 + (y - 0.45) ** 2) / 0.018)
    window = np.exp(-(((x - 0.62) / 0.07) ** 2)) * (np.abs(y) < 0.6)
    return rim[..., None], np.clip(1.4 * lamp + 0.7 * window, 0, 1)[..., None]


def backdrop(kind: str, random: np.random.Generator, saturation: float = 0.35) -> Pixels:
    """Paint a table, floor or wall [S, S, 3] of a kind in `BACKDROPS`; it tiles roughly."""
    hue, value = random.random(), random.uniform(0.3, 0.85)
    one = np.array(colorsys.hsv_to_rgb(hue, random.uniform(0.05, saturation), value))
    other_value = np.clip(value + random.choice([-1, 1]) * random.uniform(0.12, 0.3), 0.15, 1)
    other = np.array(colorsys.hsv_to_rgb(hue, random.uniform(0.0, saturation), other_value))
    weight = np.linspace(0, 1.3, 256)[:, None]
    palette = _to_pixels(one * (1 - weight) + other * weight)
    return palette[_to_pixels(_PATTERNS[kind](random) / 1.3)]


def _planks(random: np.random.Generator) -> Floats:
    rows, columns = np.mgrid[:TEXTURE_SIZE, :TEXTURE_SIZE]
    plank = rows // 64
    tone = random.random(TEXTURE_SIZE // 64 + 1)[plank]
    grain = _noise(random, (40, 3))
    seam = (rows % 64 < 2) | ((columns + 97 * plank) % 256 < 2)
    return np.where(seam, 1.0, 0.35 * tone + 0.5 * grain)


def _checker(random: np.random.Generator) -> Floats:
    rows, columns = np.mgrid[:TEXTURE_SIZE, :TEXTURE_SIZE] // int(random.choice([32, 64]))
    return np.asarray((rows + columns) % 2, float)


def _marble(random: np.random.Generator) -> Floats:
    rows, columns = np.mgrid[:TEXTURE_SIZE, :TEXTURE_SIZE] / TEXTURE_SIZE
    turbulence = _noise(random, (5, 5)) + 0.5 * _noise(random, (12, 12))
    veins = np.abs(np.sin(2 * np.pi * (rows + 2 * columns + 1.6 * turbulence)))
    return np.asarray(veins**0.35)


def _cloth(random: np.random.Generator) -> Floats:
    rows, columns = np.mgrid[:TEXTURE_SIZE, :TEXTURE_SIZE]
    weave = 0.25 * ((rows // 2 + columns // 2) % 2)
    return np.asarray(weave + 0.6 * _noise(random, (30, 30)))


def _stripes(random: np.random.Generator) -> Floats:
    rows = np.mgrid[:TEXTURE_SIZE, :TEXTURE_SIZE][int(random.integers(2))]
    return np.asarray((rows // int(random.choice([16, 32]))) % 2, float)


def _plain(random: np.random.Generator) -> Floats:
    return 0.2 * _noise(random, (4, 4))


_PATTERNS: dict[str, Callable[[np.random.Generator], Floats]] = {
    "wood": _planks,
    "checker": _checker,
    "marble": _marble,
    "cloth": _cloth,
    "stripes": _stripes,
    "plain": _plain,
}


def _noise(random: np.random.Generator, cells: tuple[int, int]) -> Floats:
    """Return smooth noise [S, S] in 0..1 with that many random values down and across."""
    down, across = (_interpolation(count) for count in cells)
    return np.asarray(down @ random.random(cells) @ across.T)


@cache
def _interpolation(cells: int) -> Floats:
    """Return the weights [S, cells] that smoothly join as many values, the last to the first."""
    places = np.arange(TEXTURE_SIZE) * cells / TEXTURE_SIZE
    low = places.astype(int)
    share = places - low
    share = share * share * (3 - 2 * share)
    weights = np.zeros((TEXTURE_SIZE, cells))
    rows = np.arange(TEXTURE_SIZE)
    weights[rows, low] = 1 - share
    weights[rows, (low + 1) % cells] += share
    return weights


def _sphere() -> tuple[Floats, Floats]:
    """Return right and up, -1..1, of the normals that the texels [s, s] of a ball stand for."""
    axis = np.linspace(-1, 1, REFLECTION_SIZE)
    right, up = np.meshgrid(axis, axis)
    return right, up


def _to_pixels(values: Floats) -> Pixels:
    return np.asarray(np.clip(values * 255 + 0.5, 0, 255), np.uint8)

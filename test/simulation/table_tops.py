"""Scenes made by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pixelrefer_ros.simulation.categories import CATEGORIES
from pixelrefer_ros.simulation.scene import Scene, Thing, draw_thing, look_at, place

TABLE = (1.2, 1.0, 0.6)


def thing(
    category: str,
    x: float,
    y: float,
    *,
    colour: str = "red",
    look: str = "plastic",
    scale: float = 1.0,
    lying: bool = False,
) -> Thing:
    """Make an object with its middle at x, y; the camera looks along +y."""
    made = draw_thing(np.random.default_rng(0), CATEGORIES[category], lying=lying, scale=scale)
    made.colour, made.look = colour, look
    place(made, x, y, TABLE[2])
    return made


def table_top(things: Sequence[Thing]) -> Scene:
    camera = look_at(
        np.array([0, 0, TABLE[2] + 0.04]), distance=0.9, azimuth=-90, elevation=25, fovy=45
    )
    return Scene(
        things=list(things),
        camera=camera,
        table=TABLE,
        round_table=False,
        backdrops=("plain", "plain", "plain"),
        light=np.array([0.3, -0.5, 0.8]),
        seed=(0,),
    )

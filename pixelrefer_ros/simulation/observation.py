"""What can be seen of each object, measured in the rendered masks and in the poses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pixelrefer_ros.simulation.renderer import Renderer
from pixelrefer_ros.simulation.scene import Scene, Thing, bounds

Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]

SMALLEST_REGION = 120
"""Pixels below which nothing is asked about an object."""

COARSE_ENOUGH = 3000
"""Pixels from which an object is measured well enough on a grid four times as coarse."""

SMALLEST_PART = 60
CLEARLY_VISIBLE = 0.45
"""Share of an object that must be seen for its attributes to be asked about."""

STANDING, LYING = 0.94, 0.5
"""Cosine between an object's own up and the world's: above, it stands; below, it lies."""

SIZES = ((0.0, 0.095, "small"), (0.115, 0.17, "medium"), (0.2, np.inf, "large"))
"""Longest side in metres from, to, and its name; between them the size is left unsaid."""

MAIN_SHARE = 0.4
"""Share of the visible pixels that must be in an object's own colour for it to be named so."""


@dataclass(frozen=True)
class Seen:
    """One object in one picture.

    `visible` is the share of its pixels inside the picture that nothing covers; `cut` says that
    the picture's border cuts it. `parts` are the masks of named parts that are seen,
    `hidden_parts` those of which nothing is. `colour`, `look`, `size` and `state` are None where
    they cannot be told. `ground` is where it stands, right of and beyond the camera, and `extent`
    its longest side and its height, all in metres.
    """

    thing: Thing
    mask: Mask
    visible: float
    cut: bool
    parts: dict[str, Mask]
    hidden_parts: tuple[str, ...]
    colour: str | None
    look: str | None
    size: str | None
    state: str | None
    ground: tuple[float, float]
    extent: tuple[float, float]

    @property
    def category(self) -> str:
        """The name of its category."""
        return self.thing.category.name

    @cached_property
    def area(self) -> int:
        """Pixels seen of it."""
        return int(np.count_nonzero(self.mask))

    @property
    def clear(self) -> bool:
        """Whether enough of it is seen to ask about it."""
        return self.area >= SMALLEST_REGION and self.visible >= CLEARLY_VISIBLE

    @cached_property
    def row_column(self) -> tuple[float, float]:
        """Middle of the mask, pixels."""
        rows, columns = np.nonzero(self.mask)
        return float(rows.mean()), float(columns.mean())


def observe(renderer: Renderer, scene: Scene) -> list[Seen]:
    """Measure every thing of the scene that `renderer` has open, as it is posed now."""
    picture = renderer.geoms()
    seen = []
    for index, thing in enumerate(scene.things):
        geoms = renderer.geoms_of(index)
        mask = (picture >= geoms[0]) & (picture <= geoms[-1])
        seen.append(_measure(renderer, scene, thing, mask, picture, geoms))
    return seen


def _measure(
    renderer: Renderer,
    scene: Scene,
    thing: Thing,
    mask: Mask,
    picture: NDArray[np.int32],
    geoms: NDArray[np.int32],
) -> Seen:
    pixels = np.bincount(picture[mask], minlength=int(geoms[-1]) + 1)[geoms]
    area = int(pixels.sum())
    main = sum(n for n, piece in zip(pixels, thing.pieces, strict=True) if piece.paint == "main")
    alone = area
    if area and _touches_others(mask, picture, geoms, renderer.first_of_room):
        alone = renderer.area_alone(geoms, coarse=2 if area < COARSE_ENOUGH else 4)
    named = main >= MAIN_SHARE * max(area, 1)
    parts = _parts(thing, mask, picture, geoms)
    low, high = bounds(thing)
    middle = (low + high) / 2 - scene.camera.position
    right, back = scene.camera.axes[0], scene.camera.axes[2].copy()
    back[2] = 0
    back /= np.linalg.norm(back)
    longest = float(
        np.ptp(np.concatenate([p.surface.vertices for p in thing.pieces]), axis=0).max()
    )
    return Seen(
        thing=thing,
        mask=mask,
        visible=min(area / alone, 1.0) if alone else 0.0,
        cut=bool(mask[0].any() or mask[-1].any() or mask[:, 0].any() or mask[:, -1].any()),
        parts=parts,
        hidden_parts=tuple(sorted(set(named_parts(thing)) - parts.keys())),
        colour=thing.colour if named else None,
        look=thing.look if named and len(thing.category.looks) > 1 else None,
        size=next((name for least, most, name in SIZES if least <= longest <= most), None),
        state=_state(thing),
        ground=(float(middle @ right), float(-middle @ back)),
        extent=(longest, float(high[2] - low[2])),
    )


def _touches_others(
    mask: Mask, picture: NDArray[np.int32], geoms: NDArray[np.int32], room: int
) -> bool:
    """Tell whether pixels of something else on the table are next to the mask.

    If not, nothing covers the object, and it need not be drawn alone to know that.
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    window = np.s_[max(rows[0] - 2, 0) : rows[-1] + 3, max(columns[0] - 2, 0) : columns[-1] + 3]
    near = mask[window].copy()
    for axis in (0, 1):
        near |= np.roll(near, 1, axis) | np.roll(near, -1, axis)
    around = picture[window][near]
    others = (around >= 0) & (around < room)
    return bool((others & ((around < geoms[0]) | (around > geoms[-1]))).any())


def named_parts(thing: Thing) -> tuple[str, ...]:
    """Return the names of its parts, none when it is of one piece."""
    names = tuple(dict.fromkeys(piece.part for piece in thing.pieces))
    return names if len(names) > 1 else ()


def _parts(
    thing: Thing, mask: Mask, picture: NDArray[np.int32], geoms: NDArray[np.int32]
) -> dict[str, Mask]:
    parts: dict[str, Mask] = {}
    for name in named_parts(thing) if mask.any() else ():
        own = [geom for geom, piece in zip(geoms, thing.pieces, strict=True) if piece.part == name]
        part = np.isin(picture, own)
        if part.any():
            parts[name] = part
    return parts


def _state(thing: Thing) -> str | None:
    if not thing.category.upright:
        return None
    up = float(thing.orientation[2, 2])
    return "standing" if up > STANDING else "lying" if abs(up) < LYING else None


def relation(first: Seen, second: Seen) -> str | None:
    """Tell where the first is from the second, as the camera sees it; None when ambiguous.

    Left and right when the sideways distance is clearly the greater one, else in front and behind.
    """
    right = first.ground[0] - second.ground[0]
    beyond = first.ground[1] - second.ground[1]
    if max(abs(right), abs(beyond)) < 0.08:
        return None
    if abs(right) > 1.8 * abs(beyond):
        # Perspective must not contradict what is measured on the ground.
        if np.sign(first.row_column[1] - second.row_column[1]) != np.sign(right):
            return None
        return "right" if right > 0 else "left"
    if abs(beyond) > 1.8 * abs(right):
        return "behind" if beyond > 0 else "in front"
    return None


def count_of(seen: Sequence[Seen], category: str) -> int | None:
    """Count the objects of a category in the picture; None when one is hardly seen."""
    members = [one for one in seen if one.category == category and one.visible > 0]
    if any(not one.clear for one in members):
        return None
    return len(members)

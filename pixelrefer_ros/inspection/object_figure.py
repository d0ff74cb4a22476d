"""A picture of the patches behind each object token, and of where the tokens look."""

from __future__ import annotations

import colorsys
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from pixelrefer_ros.inspection.figures import new_figure, plain, save
from pixelrefer_ros.inspection.object_tokens import ContextLook, ObjectTokens
from pixelrefer_ros.model.region_crop import Box

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, HEIGHT = 8.0, 2.6
LARGEST = 1000
"""Pixels of the longest side of the crop as it is drawn."""
TINT = 0.6
DIMMED = 0.35
GOLDEN = 0.618034
"""Steps of this part of the colour circle keep neighbours apart, however many there are."""
NO_INFUSION = "PixelRefer has no OCI:\nits language model reads\nthe image itself"


def draw_object(name: str, tokens: ObjectTokens, path: Path) -> None:
    """Draw the crop with a colour for each object token, and the two contexts of OCI."""
    figure = new_figure(WIDTH, HEIGHT)
    patches, *contexts = figure.subplots(1, 3)
    patches.imshow(tint_patches(tokens), interpolation="nearest")
    _number_tokens(patches, tokens)
    patches.set_axis_off()
    patches.set_title(f"{len(tokens.cells)} patches, {tokens.count} tokens")
    for axes in contexts:
        axes.set_axis_off()
    if tokens.local is None or tokens.whole is None:
        contexts[0].text(0, 0.5, NO_INFUSION, va="center")
    else:
        _draw_look(figure, contexts[0], tokens.local, "local context")
        _draw_look(figure, contexts[1], tokens.whole, "whole image")
        _outline(contexts[1], tokens.crop.box)
    figure.suptitle(plain(name))
    save(figure, path)


def tint_patches(tokens: ObjectTokens) -> NDArray[np.uint8]:
    """Colour each patch of the crop by its object token and dim the others.

    Returns uint8 [h, w, 3], of whole patches of `shown_side` pixels.
    """
    grid, side = tokens.crop.grid.shape, shown_side(tokens)
    size = (grid[1] * side, grid[0] * side)
    image = np.asarray(cv2.resize(tokens.crop.image, size, interpolation=cv2.INTER_AREA), np.uint8)
    colours = np.zeros((*grid, 3))
    under_mask = np.zeros(grid, bool)
    rows, columns = tokens.cells.T
    colours[rows, columns] = [_colour(token) for token in tokens.token_of]
    under_mask[rows, columns] = True
    colours, under_mask = (
        values.repeat(side, 0).repeat(side, 1) for values in (colours, under_mask)
    )
    tinted = image * (1 - TINT) + 255 * colours * TINT
    return np.where(under_mask[..., None], tinted, image * DIMMED).astype(np.uint8)


def shown_side(tokens: ObjectTokens) -> int:
    """Return the pixels of a patch: as the encoder sees it, less in a crop of very many patches.

    What is a pixel in the image is enlarged to a crop of hundreds of patches a side.
    """
    rows, columns = tokens.crop.grid.shape
    return int(max(1, min(tokens.crop.image.shape[0] // rows, LARGEST // max(rows, columns))))


def _colour(token: int) -> tuple[float, float, float]:
    return colorsys.hsv_to_rgb(token * GOLDEN % 1, 0.9, 1.0 if token % 2 else 0.75)


def _number_tokens(axes: Axes, tokens: ObjectTokens) -> None:
    """Write the number of each object token on the patch that is most in its middle."""
    side = shown_side(tokens)
    for token in np.unique(tokens.token_of):
        cells = tokens.cells[tokens.token_of == token]
        row, column = cells[((cells - cells.mean(0)) ** 2).sum(1).argmin()]
        x, y = (column + 0.5) * side, (row + 0.5) * side
        axes.text(x, y, str(token), ha="center", va="center", fontsize=6, color="black")


def _draw_look(figure: Figure, axes: Axes, look: ContextLook, title: str) -> None:
    height, width = look.picture.shape[:2]
    axes.imshow(look.picture)
    drawn = axes.imshow(
        look.weights * look.weights.size,
        cmap="inferno",
        vmin=0,
        alpha=TINT,
        extent=(-0.5, width - 0.5, height - 0.5, -0.5),
        interpolation="nearest",
    )
    axes.set_title(title)
    figure.colorbar(drawn, ax=axes, shrink=0.8, label="1 = everywhere alike")


def _outline(axes: Axes, box: Box) -> None:
    x, y = [box.left - 0.5, box.right + 0.5], [box.top - 0.5, box.bottom + 0.5]
    axes.plot([x[0], x[1], x[1], x[0], x[0]], [y[0], y[0], y[1], y[1], y[0]], "w-", linewidth=1)

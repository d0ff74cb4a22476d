"""A picture of where the language model looks while it answers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pixelrefer_ros.inspection.figures import new_figure, plain, save
from pixelrefer_ros.inspection.inspection import Inspection

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, HEIGHT = 9.0, 3.6
LINE = 0.16
"""Inches for each token of a long answer."""
MOST_LABELS = 16
NO_IMAGE = "no image tokens: PixelRefer-Lite reads none"


def draw_attention(inspection: Inspection, path: Path) -> None:
    """Draw attention by layer, and from each word to each object token where it is strongest."""
    height = max(HEIGHT, 1.5 + LINE * len(inspection.tokens))
    figure = new_figure(WIDTH, height)
    by_layer, by_token = figure.subplots(1, 2)
    _draw_layers(by_layer, inspection)
    _draw_tokens(figure, by_token, inspection)
    figure.suptitle(plain(f"{inspection.text} \N{RIGHTWARDS ARROW} {inspection.answer}"))
    save(figure, path)


def _draw_layers(axes: Axes, inspection: Inspection) -> None:
    from matplotlib.ticker import MaxNLocator

    attention = inspection.attention
    objects = attention.objects_by_layer
    layers = np.arange(1, len(objects) + 1)
    if len(inspection.names) > 1:
        for number, (name, share) in enumerate(zip(inspection.names, objects.T, strict=True), 2):
            axes.plot(layers, share, f"C{number}.:", label=plain(name))
    axes.plot(layers, objects.sum(1), "o-", color="tab:blue", label="object tokens")
    if attention.image_tokens:
        axes.plot(layers, attention.image_by_layer, "s-", color="tab:orange", label="image tokens")
    else:
        axes.plot([], [], " ", label=NO_IMAGE)
    axes.plot(layers, attention.text_by_layer, "x--", color="tab:gray", label="text")
    axes.set(xlabel="layer", ylabel="share of the answer's attention", ylim=(0, 1.02))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    columns = 1 if len(inspection.names) == 1 else 2
    axes.legend(fontsize="small", loc="lower left", bbox_to_anchor=(0, 1), ncols=columns)


def _draw_tokens(figure: Figure, axes: Axes, inspection: Inspection) -> None:
    attention = inspection.attention
    layer = attention.most_looking_layer
    drawn = axes.imshow(
        attention.objects[layer], cmap="viridis", vmin=0, aspect="auto", interpolation="nearest"
    )
    for border in np.flatnonzero(np.diff(attention.mask_of)):
        axes.axvline(border + 0.5, color="white", linewidth=2)
    axes.set_title(f"layer {layer + 1}, which looks at them most")
    axes.set_xlabel(plain(f"object token of {', '.join(inspection.names)}"))
    step = -(-len(attention.mask_of) // MOST_LABELS)
    places = np.arange(0, len(attention.mask_of), step)
    first = np.searchsorted(attention.mask_of, attention.mask_of[places])
    axes.set_xticks(places, [str(number) for number in places - first])
    axes.set_yticks(range(len(inspection.tokens)), [plain(token) for token in inspection.tokens])
    figure.colorbar(drawn, ax=axes, label="attention")

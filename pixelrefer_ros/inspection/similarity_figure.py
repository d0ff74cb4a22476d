"""A picture of how alike the tokens of an object are, before and after aggregation."""

from __future__ import annotations

from pathlib import Path

from pixelrefer_ros.inspection.figures import new_figure, plain, save
from pixelrefer_ros.inspection.object_tokens import ObjectTokens

WIDTH, HEIGHT = 8.0, 3.8


def draw_similarity(name: str, tokens: ObjectTokens, path: Path) -> None:
    """Draw the cosines of the tokens under the mask beside those of the object tokens."""
    figure = new_figure(WIDTH, HEIGHT)
    panels = figure.subplots(1, 2)
    lowest = min(float(tokens.before.matrix.min()), float(tokens.after.matrix.min()))
    for axes, similarity, title in (
        (panels[0], tokens.before, "tokens under the mask"),
        (panels[1], tokens.after, "object tokens"),
    ):
        drawn = axes.imshow(similarity.matrix, vmin=lowest, vmax=1, interpolation="nearest")
        axes.set(xticks=[], yticks=[])
        mean = "only one" if similarity.mean is None else f"mean {similarity.mean:.3f}"
        axes.set_title(f"{len(similarity.matrix)} {title}: {mean}")
    figure.colorbar(drawn, ax=list(panels), label="cosine")
    figure.suptitle(plain(name))
    save(figure, path)

"""What all pictures of an inspection share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pixelrefer_ros.errors import shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 100


def new_figure(width: float, height: float) -> Figure:
    """Make an empty figure of a size in inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def save(figure: Figure, path: Path) -> None:
    """Write a figure as PNG, the same bytes for the same figure."""
    figure.savefig(path, dpi=DPI, metadata={"Software": None}, pil_kwargs={"optimize": True})


def plain(text: str) -> str:
    """Return foreign text as matplotlib may draw it: short, on one line, no formula."""
    words = " ".join(text.split()) or repr(text)
    return shown(words).replace("$", r"\$")

"""Charts as inline SVG: drawn in the colours of the page, readable without a script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.etree import ElementTree

import numpy as np
from markupsafe import Markup

WIDTH = 480
ROW = 26
LABEL = 170
VALUE = 60
BINS = 12
PLOT_HEIGHT = 120
AXIS = 20
STAGE_COLOURS = ("#9aa4b2", "#e8a33d", "#d1495b", "#7a5cc2", "#2e86ab", "#3f9b63", "#8c6d46")
BAR = "#2e86ab"


def bar_chart(values: Mapping[str, float], title: str) -> Markup:
    """Draw one bar for each value, on a scale from 0 to 1, or to the largest beyond."""
    scale = max([1.0, *values.values()])
    svg = _svg(max(len(values), 1) * ROW, title)
    length = WIDTH - LABEL - VALUE
    for number, (name, value) in enumerate(values.items()):
        y = number * ROW
        _text(svg, LABEL - 8, y + 17, name.replace("_", " "), anchor="end")
        _rectangle(svg, LABEL, y + 4, length, ROW - 8, "currentColor", opacity=0.1)
        _rectangle(svg, LABEL, y + 4, max(length * value / scale, 0), ROW - 8, BAR)
        _text(svg, LABEL + length + 6, y + 17, f"{value:.3f}")
    return _markup(svg)


def histogram(seconds: Sequence[float], title: str) -> Markup:
    """Draw how many of some times lie where, in up to 12 bins from 0."""
    svg = _svg(PLOT_HEIGHT + 2 * AXIS, title)
    top = max(seconds)
    counts, _ = np.histogram(seconds, bins=BINS, range=(0.0, top or 1.0))
    step = WIDTH / BINS
    for number, count in enumerate(counts.tolist()):
        height = PLOT_HEIGHT * count / counts.max()
        y = AXIS + PLOT_HEIGHT - height
        _rectangle(svg, number * step + 2, y, step - 4, height, BAR)
        if count:
            _text(svg, (number + 0.5) * step, y - 4, str(count), anchor="middle")
    for part, anchor in ((0.0, "start"), (0.5, "middle"), (1.0, "end")):
        _text(svg, WIDTH * part, PLOT_HEIGHT + 2 * AXIS - 4, _time(top * part), anchor=anchor)
    return _markup(svg)


def stage_chart(seconds: Mapping[str, float], title: str) -> Markup:
    """Draw where the time goes: one bar, its parts by stage, with a legend below."""
    total = sum(seconds.values()) or 1.0
    rows = -(-len(seconds) // 2)
    svg = _svg(40 + rows * ROW, title)
    x = 0.0
    for number, (name, value) in enumerate(seconds.items()):
        colour = STAGE_COLOURS[number % len(STAGE_COLOURS)]
        width = WIDTH * value / total
        _rectangle(svg, x, 0, width, 32, colour)
        x += width
        left, y = number % 2 * WIDTH // 2, 40 + number // 2 * ROW
        _rectangle(svg, left, y + 6, 14, 14, colour)
        _text(svg, left + 20, y + 18, f"{name} {_time(value)}, {100 * value / total:.0f} %")
    return _markup(svg)


def _time(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1.0 else f"{1000 * seconds:.0f} ms"


def _svg(height: float, title: str) -> ElementTree.Element:
    svg = ElementTree.Element("svg", viewBox=f"0 0 {WIDTH} {height:g}", role="img")
    ElementTree.SubElement(svg, "title").text = title
    return svg


def _rectangle(
    svg: ElementTree.Element,
    x: float,
    y: float,
    width: float,
    height: float,
    colour: str,
    opacity: float = 1.0,
) -> None:
    sizes = {"x": x, "y": y, "width": width, "height": height, "fill-opacity": opacity}
    values = {name: f"{value:.4g}" for name, value in sizes.items()}
    ElementTree.SubElement(svg, "rect", {**values, "fill": colour})


def _text(svg: ElementTree.Element, x: float, y: float, text: str, anchor: str = "start") -> None:
    place = {"x": f"{x:.4g}", "y": f"{y:.4g}", "text-anchor": anchor, "fill": "currentColor"}
    ElementTree.SubElement(svg, "text", place).text = text


def _markup(svg: ElementTree.Element) -> Markup:
    return Markup(ElementTree.tostring(svg, encoding="unicode"))

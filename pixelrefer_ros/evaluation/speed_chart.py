"""A picture of what a call costs, against regions and against frames."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING

from pixelrefer_ros.evaluation.speed import CallSpeed

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_chart(calls: Sequence[CallSpeed], path: Path) -> None:
    """Draw the medians of engine and reference path, and the engine's operations.

    Against regions, with the fewest frames there are, and against frames, with the fewest regions;
    a number that never changes gets no chart. A line for each size of image. Operations are the
    same on any computer, however busy it is.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    names = [n for n in ("regions", "frames") if len({getattr(call, n) for call in calls}) > 1]
    names = names or ["regions"]
    figure = Figure(figsize=(4.5 * 2, 3.6 * len(names)), layout="constrained")
    FigureCanvasAgg(figure)
    for (time_axes, work_axes), name in zip(
        figure.subplots(len(names), 2, squeeze=False), names, strict=True
    ):
        fixed = "frames" if name == "regions" else "regions"
        fewest = min(getattr(call, fixed) for call in calls)
        across = f"{name}, with {fewest} {fixed if fewest > 1 else fixed.removesuffix('s')}"
        shown = [call for call in calls if getattr(call, fixed) == fewest]
        for k, image in enumerate(dict.fromkeys(call.image for call in calls)):
            line = sorted((c for c in shown if c.image == image), key=attrgetter(name))
            places = [getattr(call, name) for call in line]
            engine = [call.median_s for call in line]
            reference = [call.reference_median_s for call in line]
            operations = [call.flops / 1e9 for call in line]
            time_axes.plot(places, engine, f"C{k}o-", label=f"engine, {image}")
            time_axes.plot(places, reference, f"C{k}x--", label=f"reference path, {image}")
            work_axes.plot(places, operations, f"C{k}o-", label=image)
        _finish(time_axes, across, "median of a call (s)", shown, name)
        _finish(work_axes, across, "operations (10^9)", shown, name)
    figure.axes[0].legend()
    figure.suptitle(f"{calls[0].model}, {calls[0].dtype} on {calls[0].device}")
    figure.savefig(path, dpi=120)


def _finish(axes: Axes, across: str, up: str, shown: Sequence[CallSpeed], name: str) -> None:
    axes.set(xlabel=across, ylabel=up, ylim=(0, None))
    axes.set(xticks=sorted({getattr(call, name) for call in shown}))
    axes.grid(alpha=0.3)

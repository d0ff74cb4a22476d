"""A picture of the time of a call, against regions and against frames."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from pathlib import Path

from pixelrefer_ros.evaluation.speed import CallSpeed


def draw_chart(calls: Sequence[CallSpeed], path: Path) -> None:
    """Draw the medians of engine and reference path, one pair of lines for each size of image.

    On the left against regions, with the fewest frames there are; on the right against frames, with
    the fewest regions.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, name, fixed in zip(
        figure.subplots(1, 2), ("regions", "frames"), ("frames", "regions"), strict=True
    ):
        fewest = min(getattr(call, fixed) for call in calls)
        shown = [call for call in calls if getattr(call, fixed) == fewest]
        for k, image in enumerate(dict.fromkeys(call.image for call in calls)):
            line = [call for call in shown if call.image == image]
            line.sort(key=attrgetter(name))
            places = [getattr(call, name) for call in line]
            engine = [call.median_s for call in line]
            reference = [call.reference_median_s for call in line]
            axes.plot(places, engine, f"C{k}o-", label=f"engine, {image}")
            axes.plot(places, reference, f"C{k}x--", label=f"reference path, {image}")
        axes.set(xlabel=f"{name}, with {fewest} {fixed}", ylabel="median of a call (s)")
        axes.set(xticks=sorted({getattr(call, name) for call in shown}), ylim=(0, None))
        axes.grid(alpha=0.3)
    figure.axes[0].legend()
    figure.suptitle(f"{calls[0].model}, {calls[0].dtype} on {calls[0].device}")
    figure.savefig(path, dpi=120)

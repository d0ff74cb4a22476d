"""What a run tells about itself: `log.csv`, curves as a picture, TensorBoard if wanted."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

SMOOTHED_SHARE = 50


@dataclass(frozen=True)
class Entry:
    """One line of the log.

    loss: mean cross-entropy of the step, in nats. accuracy: share of tokens predicted right.
    rate: factor of the schedule on the highest rates, 0 to 1.
    """

    step: int
    samples: int
    bad_samples: int
    loss: float
    accuracy: float
    gradient_norm: float
    rate: float
    samples_per_second: float


class Log:
    """Appends to `log.csv`, and draws `curves.png` from it."""

    def __init__(self, output: Path, *, from_step: int, tensorboard: bool) -> None:
        """Go on with a log, without the lines that a resumed run is going to repeat."""
        self._path = output / "log.csv"
        self._output = output
        kept = [entry for entry in read_log(self._path) if entry.step <= from_step]
        with self._path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, [field.name for field in fields(Entry)])
            writer.writeheader()
            writer.writerows(asdict(entry) for entry in kept)
        self._tensorboard: Any = None
        if tensorboard:
            from torch.utils.tensorboard import SummaryWriter  # needs the package tensorboard

            self._tensorboard = SummaryWriter(str(output / "tensorboard"), purge_step=from_step)

    def add(self, entry: Entry, rates: Mapping[str, float]) -> None:
        """Write one line; TensorBoard also hears of the learning rates."""
        with self._path.open("a", newline="", encoding="utf-8") as file:
            csv.writer(file).writerow(asdict(entry).values())
        if self._tensorboard is not None:
            values = asdict(entry) | {f"rate/{part}": rate for part, rate in rates.items()}
            for name in values.keys() - {"step", "samples", "rate"}:
                self._tensorboard.add_scalar(name, values[name], entry.step)

    def draw(self) -> None:
        """Draw loss and accuracy over the steps into `curves.png`."""
        draw_curves(read_log(self._path), self._output / "curves.png")


def read_log(path: Path) -> list[Entry]:
    """Read a log; none is an empty one, and a line that was cut off by a crash does not count."""
    if not path.is_file():
        return []
    kinds = {field.name: {"int": int, "float": float}[str(field.type)] for field in fields(Entry)}
    with path.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if all(row.get(name) for name in kinds)]
    return [Entry(**{name: kind(row[name]) for name, kind in kinds.items()}) for row in rows]


def draw_curves(entries: Sequence[Entry], path: Path) -> None:
    """Draw loss and accuracy, each step pale and their running mean on top."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    steps = [entry.step for entry in entries]
    for axes, name, unit in zip(
        figure.subplots(1, 2), ("loss", "accuracy"), ("nats", "share of tokens"), strict=True
    ):
        values = [getattr(entry, name) for entry in entries]
        axes.plot(steps, values, color="tab:blue", alpha=0.25)
        axes.plot(steps, _running_mean(values), color="tab:blue")
        axes.set(xlabel="step", ylabel=f"{name} ({unit})")
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=120)


def _running_mean(values: Sequence[float]) -> list[float]:
    window = max(1, len(values) // SMOOTHED_SHARE)
    means = []
    for k in range(len(values)):
        part = values[max(0, k - window + 1) : k + 1]
        means.append(sum(part) / len(part))
    return means

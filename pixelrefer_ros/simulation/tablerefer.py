"""TableRefer: the data set of the simulator's own benchmark, always the same one.

No training may use its seed. Pictures are the same on one version of the graphics library; the
questions follow from what is measured in them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pixelrefer_ros.simulation.dataset import simulate

SEED = 251023603
SCENES, CLIPS = 60, 60


def render(out: Path, *, workers: int = 1) -> Iterator[tuple[int, int]]:
    """Write what is not there yet; yield how many pictures and clips are there, and how many will.

    Raises as `dataset.simulate`.
    """
    yield from simulate(out, scenes=SCENES, clips=CLIPS, seed=SEED, workers=workers, quiz=True)

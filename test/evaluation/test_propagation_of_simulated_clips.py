"""Masks carried through rendered clips, with hands, shadows and what covers what."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pixelrefer_ros.errors import DeviceError
from pixelrefer_ros.evaluation.propagation import measure_propagation
from pixelrefer_ros.regions.propagation import make_propagator
from pixelrefer_ros.simulation.dataset import simulate
from pixelrefer_ros.simulation.renderer import Renderer

CLIPS, SEED = 4, 779


@pytest.fixture
def clips_at_10_hz(tmp_path) -> Path:
    """Clips of 8 frames, 0.1 s apart."""
    try:
        Renderer().close()
    except DeviceError as error:
        pytest.skip(str(error))
    for _ in simulate(tmp_path / "data", scenes=0, clips=CLIPS, seed=SEED, clip_seconds=0.7):
        pass
    return tmp_path / "data"


def test_flow_carries_masks_well(clips_at_10_hz):
    found = measure_propagation(make_propagator("flow"), clips_at_10_hz)
    overlaps = [overlap for kind in found.values() for overlap in kind.overlaps]
    assert len(overlaps) > 50
    assert np.mean(overlaps) >= 0.75
    moved = [overlap for name in found.keys() - {"still"} for overlap in found[name].overlaps]
    assert np.mean(moved) >= 0.75

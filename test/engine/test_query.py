from __future__ import annotations

import numpy as np
import pytest

from pixelrefer_ros.engine.query import ArrayFrame, Sampling, Timing


def test_an_array_frame_knows_its_size():
    assert ArrayFrame(np.zeros((4, 6, 3), np.uint8)).size == (4, 6)


@pytest.mark.parametrize(
    "array", [np.zeros((4, 6), np.uint8), np.zeros((4, 6, 4), np.uint8), np.zeros((4, 6, 3))]
)
def test_other_arrays_are_refused_by_type_and_shape(array):
    with pytest.raises(ValueError, match="expected uint8"):
        ArrayFrame(array)


@pytest.mark.parametrize("wrong", [{"temperature": -1.0}, {"top_p": 0.0}, {"top_p": 1.5}])
def test_sampling_names_the_value_it_cannot_use(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Sampling(**wrong)


def test_timing_adds_up():
    timing = Timing(1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
    assert timing.generate_s == 48.0

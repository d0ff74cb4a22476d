from __future__ import annotations

import numpy as np
import pytest
import torch

from pixelrefer_ros.inspection.similarity import Similarity


def test_cosines_by_hand():
    found = Similarity.of(torch.tensor([[2.0, 0.0], [0.0, 3.0], [1.0, 1.0]]))
    half = 0.5**0.5
    expected = [[1, 0, half], [0, 1, half], [half, half, 1]]
    np.testing.assert_allclose(found.matrix, expected, atol=1e-6)
    assert found.mean == pytest.approx(2 * half / 3)


def test_one_token_is_like_no_other():
    assert Similarity.of(torch.ones(1, 4)).mean is None

from __future__ import annotations

import numpy as np
import pytest

from pixelrefer_ros.simulation.rle import decode, encode


def masks() -> list[np.ndarray]:
    random = np.random.default_rng(0)
    drawn = [random.random((7, 11)) < share for share in (0.0, 0.1, 0.5, 0.9, 1.0)]
    large = np.zeros((480, 640), bool)
    large[100:300, 200:500] = True
    large[150:170, 250:260] = False
    return [*drawn, large, np.eye(3, dtype=bool), np.zeros((5, 4), bool)]


@pytest.mark.parametrize("mask", masks())
def test_a_mask_comes_back(mask):
    runs = encode(mask)
    assert runs["size"] == list(mask.shape)
    np.testing.assert_array_equal(decode(runs), mask)


@pytest.mark.parametrize(
    ("mask", "counts"),
    [
        # runs 0 1 2 1; from the fourth on, the difference to the one before last: 1 - 1
        ([[1, 0], [0, 1]], "0120"),
        # column after column: runs 2 1 1
        ([[0, 1], [0, 0]], "211"),
        # 40 = 8 + 32 * 1: two letters, the first with the bit that says more follows
        ([[0] * 40], "X1"),
    ],
)
def test_the_text_is_that_of_coco(mask, counts):
    assert encode(np.array(mask, bool))["counts"] == counts


@pytest.mark.parametrize("mask", masks())
def test_cocos_own_tools_agree(mask):
    tools = pytest.importorskip("pycocotools.mask")
    expected = tools.encode(np.asfortranarray(mask.astype(np.uint8)))
    assert encode(mask)["counts"] == expected["counts"].decode()
    np.testing.assert_array_equal(decode(encode(mask)), tools.decode(expected).astype(bool))

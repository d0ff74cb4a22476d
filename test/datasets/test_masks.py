from __future__ import annotations

import numpy as np
import pytest
from drawn_shapes import run_lengths

from pixelrefer_ros.datasets.masks import decode_counts, decode_mask
from pixelrefer_ros.errors import DatasetError

SQUARE = np.zeros((4, 5), bool)
SQUARE[1:3, 2:4] = True


def test_compressed_counts_by_hand():
    # 5 is the character 48 + 5; 40 = 8 + 32 * 1 needs two characters, the first marked by 32.
    assert decode_counts("5") == [5]
    assert decode_counts(chr(48 + 8 + 32) + chr(48 + 1)) == [40]
    # From the fourth run on, the difference to two before: 2 + 1 = 3 and 3 - 1 = 2.
    assert decode_counts("5231" + chr(48 + 31)) == [5, 2, 3, 3, 2]


def test_runs_go_down_the_columns_and_begin_outside():
    runs = {"size": [4, 5], "counts": [9, 2, 2, 2, 5]}
    assert (decode_mask(runs, 4, 5) == SQUARE).all()
    assert (decode_mask({"segmentation": runs}, 4, 5) == SQUARE).all()
    assert run_lengths(SQUARE) == [9, 2, 2, 2, 5]


@pytest.mark.parametrize("seed", range(5))
def test_compressed_counts_are_those_of_pycocotools(seed):
    coco = pytest.importorskip("pycocotools.mask")
    mask = np.random.default_rng(seed).random((37, 61)) < 0.1 + 0.2 * seed
    encoded = coco.encode(np.asfortranarray(mask.astype(np.uint8)))
    runs = {"size": encoded["size"], "counts": encoded["counts"].decode()}
    assert (decode_mask(runs, 37, 61) == mask).all()


def test_polygons_are_united_and_cut_at_the_border():
    left = [0, 0, 3, 0, 3, 8, 0, 8]
    right = [6, 0, 10.4, 0, 10.4, 8, 6, 8]
    mask = decode_mask([left, right], 8, 10)
    assert mask[:, 1].all()
    assert mask[:, 8].all()
    assert not mask[:, 5].any()
    assert (decode_mask(left, 8, 10) == decode_mask([left], 8, 10)).all()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"size": [5, 4], "counts": [9, 2, 9]}, r"size \[5, 4\], its image \[4, 5\]"),
        ({"size": [4, 5], "counts": [9, 2]}, "add up to 11, its image has 20"),
        ({"size": [4, 5], "counts": "\u00e9"}, "character"),
        ({"size": [4, 5], "counts": chr(48 + 33)}, "end within a number"),
        ({"size": [4, 5], "counts": [20]}, "covers none"),
        ({"size": [4, 5], "counts": [25, -5]}, "whole numbers"),
        ({"size": [4, 5], "counts": 20000 * "o" + "0"}, "a number that is too large"),
        ({"size": [4, 5], "counts": [9 * 10**4299, 9 * 10**4299]}, "whole numbers"),
        ([[10**400, 1, 3, 1, 3, 3]], "a polygon is"),
        ([[float("nan"), 1, 3, 1, 3, 3]], r"polygon\[0\] is \(nan, 1\)"),
        ([[1, 1, 3, 1, 7.5, 3]], r"2 pixels beyond the 5x4 pixels of its picture, at most 2 are"),
        ([[-9, 1, 3, 1, 3, 3]], "9 pixels beyond the 5x4"),
        ({}, "size None"),
        ([[1, 2, 3, 4]], "a polygon is"),
        ([["a", "b"]], "a polygon is"),
        ("9292", "run lengths or polygons"),
        ([], "run lengths or polygons"),
    ],
)
def test_what_is_no_mask_is_said(value, message):
    with pytest.raises(DatasetError, match=message):
        decode_mask(value, 4, 5)

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from moving_pictures import SIDE, at, overlap, picture

from pixelrefer_ros.datasets.pictures import read_image
from pixelrefer_ros.errors import CommandError, InvalidRegionError
from pixelrefer_ros.regions.reference import Region
from pixelrefer_ros.regions.segmentation import make_segmenter

BLUE = (30, 60, 220)
IMAGE = picture((60, 40, BLUE))
SQUARE = at(60, 40)
LOOSE = (52, 32, SIDE + 16, SIDE + 16)


def test_grabcut_finds_the_object_in_a_loose_box():
    loose = Region(box=LOOSE).to_mask(*IMAGE.shape[:2])
    found = make_segmenter("grabcut").segment(IMAGE, Region(box=LOOSE))
    assert overlap(loose, SQUARE) < 0.4
    assert overlap(found, SQUARE) > 0.9
    assert found.dtype == np.bool_


@pytest.mark.parametrize("box", [None, LOOSE])
def test_grabcut_finds_the_object_at_points(box):
    found = make_segmenter("grabcut").segment(IMAGE, Region(points=[(70, 50), (65, 45)], box=box))
    assert overlap(found, SQUARE) > 0.9


@pytest.mark.parametrize(
    "region",
    [
        Region(mask=at(10, 10)),
        Region(polygon=[(10, 10), (50, 10), (30, 50)]),
        Region(box=(0, 0, 160, 120), mask=at(20, 30)),
    ],
)
def test_masks_and_polygons_stay_as_they_are(region):
    expected = region.to_mask(*IMAGE.shape[:2])
    assert np.array_equal(make_segmenter("grabcut").segment(IMAGE, region), expected)


@pytest.mark.parametrize("box", [(60, 40, 1, 1), (0, 0, 160, 120), (10, 80, 30, 20)])
def test_grabcut_keeps_a_box_in_which_nothing_stands_out(box):
    grey = np.full_like(IMAGE, 120)
    found = make_segmenter("grabcut").segment(grey, Region(box=box))
    assert np.array_equal(found, Region(box=box).to_mask(*grey.shape[:2]))


@pytest.mark.parametrize("box", [None, (136, 96, 24, 24)])
def test_the_corner_of_the_image_can_be_pointed_at(box):
    found = make_segmenter("grabcut").segment(IMAGE, Region(points=[(160, 120)], box=box))
    assert found[-1, -1]


def test_none_takes_boxes_as_they_are_and_refuses_points():
    segmenter = make_segmenter("none")
    assert segmenter.segment(IMAGE, Region(box=LOOSE)).sum() == LOOSE[2] * LOOSE[3]
    with pytest.raises(InvalidRegionError, match=r"regions\[2\]: points need a segmenter"):
        segmenter.segment(IMAGE, Region(points=[(70, 50)]), name="regions[2]")


def test_a_region_that_does_not_fit_is_refused():
    with pytest.raises(
        InvalidRegionError, match="x: box covers x 150 to 170, the image x 0 to 160"
    ):
        make_segmenter("grabcut").segment(IMAGE, Region(box=(150, 0, 20, 20)), name="x")


def test_an_unknown_name():
    with pytest.raises(
        CommandError, match="segmenter is 'magic', must be one of grabcut, sam2, none"
    ):
        make_segmenter("magic")


def test_grabcut_gives_the_same_mask_whatever_was_cut_before():
    picture = read_image(Path(__file__).resolve().parents[2] / "docs" / "demo.jpg")
    segmenter = make_segmenter("grabcut")
    for x in range(60, 600, 120):
        region = Region(points=[(float(x), 240.0)])
        first, second = (segmenter.segment(picture, region) for _ in range(2))
        assert np.array_equal(first, second), x

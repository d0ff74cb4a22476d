from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from moving_pictures import at, overlap, picture

from pixelrefer_ros.errors import InvalidRegionError
from pixelrefer_ros.regions.following import follow_regions
from pixelrefer_ros.regions.propagation import make_propagator
from pixelrefer_ros.regions.reference import Region
from pixelrefer_ros.regions.segmentation import make_segmenter

BLUE, RED = (30, 60, 220), (220, 40, 30)


@dataclass
class Shown:
    image: np.ndarray

    def rgb(self) -> np.ndarray:
        return self.image


PLACES = [20, 30, 40, 50, 60]
FRAMES = [Shown(picture((x, 30, BLUE), (110, x, RED))) for x in PLACES]


def follow(regions, frames=FRAMES, segmenter="none", propagator="flow"):
    return follow_regions(
        frames,
        regions,
        segmenter=make_segmenter(segmenter),
        propagator=make_propagator(propagator),
    )


def test_every_object_on_every_frame():
    found = follow(
        [
            Region(frame=2, object_id="blue", box=(40, 30, 24, 24)),
            Region(frame=4, object_id="red", mask=at(110, 60)),
        ]
    )
    assert [(one.region.object_id, one.region.frame) for one in found] == [
        (name, frame) for name in ("blue", "red") for frame in range(5)
    ]
    for one in found:
        x = PLACES[one.region.frame]
        truth = at(x, 30) if one.region.object_id == "blue" else at(110, x)
        assert overlap(one.region.mask, truth) > 0.8
        assert 0.5 <= one.score <= 1.0


def test_references_on_several_frames_are_kept_and_the_nearest_counts():
    other = at(110, 60)  # on the last frame the user points at the red one instead
    found = follow(
        [
            Region(frame=0, object_id="a", mask=at(20, 30)),
            Region(frame=4, object_id="a", mask=other),
        ]
    )
    masks = {one.region.frame: one.region.mask for one in found}
    assert np.array_equal(masks[4], other)
    assert overlap(masks[2], at(40, 30)) > 0.8  # as near to both: the earlier one
    assert overlap(masks[3], at(110, 50)) > 0.8


def test_unnamed_objects_stay_apart_and_get_names():
    found = follow(
        [
            Region(frame=0, box=(20, 30, 24, 24)),
            Region(frame=0, object_id="region 0", box=(110, 20, 24, 24)),
        ]
    )
    assert [one.region.object_id for one in found] == ["region 0'"] * 5 + ["region 0"] * 5


def test_lost_frames_are_left_out():
    frames = [*FRAMES[:2], Shown(picture()), Shown(picture())]
    found = follow([Region(frame=0, object_id="blue", mask=at(20, 30))], frames)
    assert [one.region.frame for one in found] == [0, 1]


def test_boxes_and_points_are_segmented():
    region = Region(frame=0, object_id="blue", points=[(30, 40)])
    first, *_ = follow([region], segmenter="grabcut")
    assert overlap(first.region.mask, at(20, 30)) > 0.9


def test_without_a_propagator_only_what_was_pointed_at():
    found = follow([Region(frame=3, object_id="blue", mask=at(50, 30))], propagator="none")
    assert [one.region.frame for one in found] == [3]


@pytest.mark.parametrize(
    ("regions", "message"),
    [
        ([Region(frame=5, box=(0, 0, 9, 9))], r"regions\[0\]: frame is 5, there are 5"),
        (
            [Region(object_id="a", box=(0, 0, 9, 9)), Region(object_id="a", box=(1, 1, 9, 9))],
            r"regions\[1\]: object_id 'a' already has a region on the same frame",
        ),
        ([Region(points=[(3, 3)])], r"regions\[0\]: points need a segmenter"),
    ],
)
def test_regions_of_no_use(regions, message):
    with pytest.raises(InvalidRegionError, match=message):
        follow(regions)

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from pixelrefer_ros.errors import CommandError
from pixelrefer_ros.evaluation.workload import Workload


def masks_of(workload: Workload) -> list[np.ndarray]:
    query = workload.query(0)
    return [region.to_mask(workload.height, workload.width) for region in query.regions]


@pytest.mark.parametrize("size", [(640, 480), (1920, 1080), (480, 640), (300, 300)])
def test_regions_lie_side_by_side(size):
    width, height = size
    workload = Workload(regions=16, frames=1, tokens=4, width=width, height=height)
    masks = masks_of(workload)
    assert {int(mask.sum()) for mask in masks} == {(min(size) // 5) ** 2}
    assert int(np.sum(masks, 0).max()) == 1


def test_more_regions_than_there_is_room_for():
    with pytest.raises(CommandError, match="regions is 25, a picture of 640x480 has room for 24"):
        Workload(regions=25, frames=1, tokens=4, width=640, height=480)


def test_each_object_is_on_every_frame():
    query = Workload(regions=3, frames=4, tokens=5, width=64, height=64).query(0)
    assert len(query.frames) == 4
    assert query.max_new_tokens == 5
    for name in ("object0", "object1", "object2"):
        of_object = [region for region in query.regions if region.object_id == name]
        assert [region.frame for region in of_object] == [0, 1, 2, 3]
        assert len({region.box for region in of_object}) == 1


def test_no_frame_comes_twice():
    still = Workload(regions=1, frames=1, tokens=1, width=64, height=64)
    moving = Workload(regions=1, frames=20, tokens=1, width=64, height=64)
    queries = [still.query(0), moving.query(1), still.query(2), moving.query(3)]
    frames = [frame for query in queries for frame in query.frames]
    assert len({(frame.camera, frame.stamp_ns) for frame in frames}) == len(frames)
    for frame, following in pairwise(frames):
        assert not np.array_equal(frame.rgb(), following.rgb())


def test_every_number_costs_the_same():
    workload = Workload(regions=2, frames=3, tokens=1, width=64, height=48)
    first, later = workload.query(0), workload.query(7)
    assert [region.box for region in first.regions] == [region.box for region in later.regions]
    for query in (first, later):
        gaps = np.diff([frame.stamp_ns for frame in query.frames])
        assert (gaps == 250_000_000).all()
        assert {frame.size for frame in query.frames} == {(48, 64)}

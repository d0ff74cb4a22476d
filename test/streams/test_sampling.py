from __future__ import annotations

import random

import pytest

from pixelrefer_ros.streams.sampling import sample_evenly

TENTHS = list(range(0, 3_100_000_000, 100_000_000))
"""31 frames over 3 s."""


def test_frames_lie_evenly_from_the_first_to_the_last():
    assert sample_evenly(TENTHS, 4) == [0, 10, 20, 30]


def test_evenly_means_in_time_not_in_number():
    """Ten frames of the first second and one for each second after it."""
    stamps = [*range(0, 1000, 100), 1000, 2000, 3000, 4000]
    assert [stamps[place] for place in sample_evenly(stamps, 5)] == [0, 1000, 2000, 3000, 4000]


def test_frames_pointed_at_are_always_among_them_in_place_of_their_neighbours():
    assert sample_evenly(TENTHS, 4, always=[30, 9]) == [0, 9, 20, 30]


def test_more_frames_pointed_at_than_asked_for_are_all_kept():
    assert sample_evenly(TENTHS, 2, always=[3, 7, 30]) == [3, 7, 30]


def test_there_are_fewer_only_where_the_buffer_has_fewer():
    assert sample_evenly(TENTHS[:3], 8) == [0, 1, 2]
    assert sample_evenly([5], 8, always=[0]) == [0]
    assert sample_evenly([], 8) == []


def test_one_frame_is_the_one_pointed_at_else_the_last():
    assert sample_evenly(TENTHS, 1, always=[4]) == [4]
    assert sample_evenly(TENTHS, 1) == [30]


@pytest.mark.parametrize("seed", range(20))
def test_any_stamps_give_as_many_different_frames_as_asked_for(seed):
    lots = random.Random(seed)
    stamps = sorted(lots.sample(range(10**6), 40))
    always = lots.sample(range(40), 3)
    places = sample_evenly(stamps, 12, always=always)
    assert len(places) == 12
    assert places == sorted(set(places))
    assert set(always) <= set(places)

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pixelrefer_ros.streams.sampling import sample_evenly

SECOND = 10**9


def test_frames_are_spread_over_the_history():
    stamps = [number * SECOND // 10 for number in range(101)]  # 10 Hz, 10 s
    found = sample_evenly(stamps, [8 * SECOND], count=5, history_ns=4 * SECOND)
    assert found == [4 * SECOND, 5 * SECOND, 6 * SECOND, 7 * SECOND, 8 * SECOND]


def test_a_history_longer_than_the_frames_is_spread_over_what_there_is():
    stamps = [2 * SECOND, 3 * SECOND, 4 * SECOND, 5 * SECOND, 6 * SECOND]
    found = sample_evenly(stamps, [6 * SECOND], count=3, history_ns=60 * SECOND)
    assert found == [2 * SECOND, 4 * SECOND, 6 * SECOND]


def test_all_frames_pointed_at_are_kept():
    stamps = list(range(0, 101, 10))
    assert sample_evenly(stamps, [30, 100], count=3, history_ns=100) == [0, 30, 100]
    assert sample_evenly(stamps, [10, 20, 100], count=2, history_ns=50) == [10, 20, 100]


def test_fewer_frames_than_wanted():
    assert sample_evenly([10, 20], [20], count=8, history_ns=100) == [10, 20]
    assert sample_evenly([10, 20], [10], count=8, history_ns=100) == [10]
    assert sample_evenly([10, 20], [20], count=8, history_ns=0) == [20]


@given(
    st.sets(st.integers(0, 10**12), min_size=1, max_size=40),
    st.integers(1, 12),
    st.integers(0, 10**12),
    st.data(),
)
def test_what_always_holds(stamps, count, history_ns, data):
    pointed = data.draw(st.sets(st.sampled_from(sorted(stamps)), min_size=1, max_size=4))
    found = sample_evenly(sorted(stamps), pointed, count=count, history_ns=history_ns)
    newest = max(pointed)
    window = {stamp for stamp in stamps if newest - history_ns <= stamp <= newest}
    assert found == sorted(set(found))
    assert pointed <= set(found) <= pointed | window
    assert len(found) == max(len(pointed), min(count, len(window | pointed)))

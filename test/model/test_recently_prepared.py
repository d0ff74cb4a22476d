from __future__ import annotations

import numpy as np
import pytest

from pixelrefer_ros.model.recently_prepared import RecentlyPrepared


def array() -> np.ndarray:
    return np.zeros((2, 2), np.uint8)


def test_the_same_arrays_and_purpose_find_what_was_made():
    recent, one, other = RecentlyPrepared(), array(), array()
    first = recent.get((one, other), "region", object)
    assert recent.get((one, other), "region", object) is first
    assert recent.get((other, one), "region", object) is not first
    assert recent.get((one, other), "view", object) is not first
    assert recent.get((one, one), "region", object) is not first


def test_an_array_that_is_gone_leaves_its_identity_to_nobody():
    recent = RecentlyPrepared()
    made = [recent.get((array(),), "view", object) for _ in range(50)]
    assert len({id(one) for one in made}) == 50


def test_the_one_unused_for_longest_is_forgotten():
    recent, arrays = RecentlyPrepared(capacity=2), [array() for _ in range(3)]
    first, second = (recent.get((a,), "view", object) for a in arrays[:2])
    assert recent.get((arrays[0],), "view", object) is first
    recent.get((arrays[2],), "view", object)
    assert recent.get((arrays[0],), "view", object) is first
    assert recent.get((arrays[1],), "view", object) is not second


def test_what_fails_is_not_remembered():
    recent, one = RecentlyPrepared(), array()
    with pytest.raises(ZeroDivisionError):
        recent.get((one,), "view", lambda: 1 / 0)
    assert recent.get((one,), "view", object)

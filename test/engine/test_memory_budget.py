from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from pixelrefer_ros.engine.describer import Describer
from pixelrefer_ros.engine.memory_budget import MemoryBudget, bytes_of
from pixelrefer_ros.engine.query import ArrayFrame, Query
from pixelrefer_ros.errors import BusyError, EmptyMaskError, TooManyRegionsError
from pixelrefer_ros.regions.reference import Region


def query(*regions: Region, prompt: str = "") -> Query:
    frame = ArrayFrame(np.zeros((30, 40, 3), np.uint8))
    return Query(frames=[frame], regions=regions, prompt=prompt)


def test_what_is_taken_can_be_given_back():
    budget = MemoryBudget(100)
    budget.take(60, "arm")
    budget.take(40, "base")
    assert budget.taken == 100
    with pytest.raises(BusyError, match=r"take 1 bytes beside 100 bytes .* the limit is 100"):
        budget.take(1, "head")
    assert budget.taken == 100, "what is refused is not counted"
    budget.give_back(40, "base")
    budget.take(40, "head")


def test_a_client_that_holds_some_gets_no_more_than_half():
    budget = MemoryBudget(100)
    budget.take(30, "arm")
    with pytest.raises(BusyError, match=r"21 bytes beside 30 bytes .* one client is 50"):
        budget.take(21, "arm")
    budget.take(20, "arm")
    budget.take(50, "base")
    budget.give_back(30, "arm")
    budget.give_back(20, "arm")
    with pytest.raises(BusyError, match="the limit is 100"):
        budget.take(51, "arm")
    budget.give_back(50, "base")
    budget.take(100, "arm")


def test_more_than_there_ever_is_cannot_be_waited_for():
    budget = MemoryBudget(100)
    with pytest.raises(TooManyRegionsError, match=r"take 101 bytes .* the limit is 100"):
        budget.take(101, "")
    budget.take(100, "")
    with pytest.raises(TooManyRegionsError):
        budget.take(101, "")


def test_threads_together_never_take_more_than_there_is():
    budget = MemoryBudget(1000)

    def take(n: int) -> int:
        try:
            budget.take(7, str(n % 8))
        except BusyError:
            return 0
        assert budget.taken <= 1000
        return 7

    with ThreadPoolExecutor(8) as pool:
        taken = sum(pool.map(take, range(500)))
    assert taken == budget.taken == 994


def test_a_query_holds_a_mask_of_the_frame_for_each_region_those_given_and_its_prompt():
    given = Region(mask=np.ones((30, 40), np.uint16))
    boxes = [Region(box=(0, 0, 4, 4))] * 2
    held = bytes_of(query(given, *boxes, prompt="\U0001f34e?"), [(30, 40)] * 3)
    assert held == 3 * 30 * 40 + 2 * 30 * 40 + 2 * 4


def test_the_engine_gives_back_what_a_request_held_however_it_ends(tiny_model):
    with Describer(tiny_model, queue_bytes=3 * 1200) as describer:
        answered = describer.submit(query(Region(box=(0, 0, 9, 9))))
        assert answered.result(30)
        canceled = describer.submit(query(Region(box=(0, 0, 9, 9))))
        canceled.cancel()
        with pytest.raises(EmptyMaskError):
            describer.submit(query(Region(mask=np.zeros((30, 40), bool))))
        with pytest.raises(TooManyRegionsError, match=r"request\.queue_megabytes"):
            describer.submit(query(*[Region(box=(0, 0, 9, 9))] * 4))
    assert describer._memory.taken == 0

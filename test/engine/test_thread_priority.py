from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from pixelrefer_ros.engine.query import Query, as_frames
from pixelrefer_ros.engine.thread_priority import BACKGROUND_NICENESS, stand_back
from pixelrefer_ros.regions.reference import Region

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="only Linux has a niceness for each thread"
)


def niceness() -> int:
    return os.getpriority(os.PRIO_PROCESS, 0)


def start_another() -> int:
    with ThreadPoolExecutor(1) as inner:
        return inner.submit(niceness).result()


def test_a_thread_and_those_it_starts_stand_back_but_not_the_others():
    before = niceness()
    with ThreadPoolExecutor(1, initializer=stand_back) as pool:
        assert pool.submit(niceness).result() == before + BACKGROUND_NICENESS
        assert pool.submit(start_another).result() == before + BACKGROUND_NICENESS
    assert niceness() == before


def test_there_is_a_last_place():
    with ThreadPoolExecutor(1) as pool:
        for _ in range(10):
            pool.submit(stand_back).result()
        assert pool.submit(niceness).result() == 19


def test_where_it_is_forbidden_nothing_changes(monkeypatch):
    def refuse(*_: int) -> None:
        raise PermissionError("not allowed")

    monkeypatch.setattr(os, "setpriority", refuse)
    before = niceness()
    stand_back()
    assert niceness() == before


def test_the_engine_stands_back(describer, picture):
    seen: list[int] = []
    query = Query(frames=as_frames(picture), regions=[Region(box=(10, 10, 40, 40))])
    describer.submit(query, on_token=lambda *_: seen.append(niceness())).result()
    assert set(seen) == {niceness() + BACKGROUND_NICENESS}

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Iterator
from concurrent.futures import CancelledError
from functools import partial

import numpy as np
import pytest

from pixelrefer_ros.engine.pending import Stage
from pixelrefer_ros.errors import (
    BusyError,
    DeadlineError,
    EmptyMaskError,
    ErrorCode,
    InferenceError,
    InvalidRegionError,
    NotActiveError,
    PixelReferError,
)
from pixelrefer_ros.ros.region_thread import RegionThread


@pytest.fixture
def thread() -> Iterator[RegionThread]:
    thread = RegionThread(capacity=2)
    yield thread
    thread.close()


class Work:
    """Goes on until it is allowed to end, or is not wanted any more."""

    def __init__(self) -> None:
        self.began = threading.Event()
        self.allowed = threading.Event()
        self.gave_up = threading.Event()

    def __call__(self, is_wanted) -> str:
        self.began.set()
        while not self.allowed.wait(0.01):
            if not is_wanted():
                self.gave_up.set()
                return "unwanted"
        return "done"


def test_work_is_done_in_one_thread_in_order(thread):
    order: list[tuple[int, str]] = []
    futures = [
        thread.submit(lambda _, n=n: order.append((n, threading.current_thread().name)))
        for n in range(5)
    ]
    for future in futures:
        future.result(30)
    assert [n for n, _ in order] == [0, 1, 2, 3, 4]
    assert {name for _, name in order} == {"regions"}


def test_failures_have_a_code(thread):
    def fail(_) -> None:
        raise ValueError("no such pixel")

    def complain(_) -> None:
        raise EmptyMaskError("covers 0 pixels")

    def fill_memory(_) -> None:
        raise MemoryError

    codes = []
    for work in (fail, complain, fill_memory):
        with pytest.raises(PixelReferError) as error:
            thread.submit(work).result(30)
        codes.append(error.value.code)
    assert codes == [ErrorCode.INFERENCE_ERROR, ErrorCode.EMPTY_MASK, ErrorCode.OUT_OF_MEMORY]


def test_a_deadline_passes_whatever_the_thread_does(thread):
    work = Work()
    started = time.monotonic()
    future = thread.ask(work, timeout_s=2.0)
    assert work.began.wait(30)
    waiting = thread.ask(Work(), timeout_s=0.1)
    for late in (waiting, future):
        with pytest.raises(DeadlineError):
            late.result(15)
    assert time.monotonic() - started < 15.0
    assert work.gave_up.wait(30)


def test_no_time_at_all(thread):
    with pytest.raises(DeadlineError):
        thread.ask(Work(), timeout_s=-1.0).result(30)


def test_questions_that_find_no_room_are_told_so_at_once(thread):
    works = [Work(), Work(), Work()]
    futures = [thread.ask(works[0], timeout_s=20.0)]
    assert works[0].began.wait(30)
    futures += [thread.ask(work, timeout_s=20.0) for work in works[1:]]
    started = time.monotonic()
    with pytest.raises(BusyError, match="2 requests wait for their regions, at most 2 may"):
        thread.ask(Work(), timeout_s=20.0)
    assert time.monotonic() - started < 15.0
    works[0].allowed.set()
    assert works[1].began.wait(30)
    again = Work()
    futures.append(thread.ask(again, timeout_s=20.0))
    for work in (*works, again):
        work.allowed.set()
    assert [future.result(30) for future in futures] == ["done"] * 4


def test_what_expired_or_was_canceled_takes_no_room(thread):
    running = Work()
    thread.ask(running, timeout_s=20.0)
    assert running.began.wait(30)
    late, given_up = (thread.ask(Work(), timeout_s=t) for t in (0.05, 20.0))
    with pytest.raises(DeadlineError):
        late.result(30)
    given_up.cancel()
    waiting = [thread.ask(lambda _: "done", timeout_s=20.0) for _ in range(2)]
    running.allowed.set()
    assert [future.result(30) for future in waiting] == ["done"] * 2


def test_more_or_fewer_may_wait_from_now_on(thread):
    running = Work()
    thread.ask(running, timeout_s=20.0)
    assert running.began.wait(30)
    thread.change_capacity(3)
    waiting = [thread.ask(lambda _: "done", timeout_s=20.0) for _ in range(3)]
    thread.change_capacity(1)
    with pytest.raises(BusyError, match="3 requests wait for their regions, at most 1 may"):
        thread.ask(lambda _: "done", timeout_s=20.0)
    running.allowed.set()
    assert [future.result(30) for future in waiting] == ["done"] * 3


def test_a_question_knows_how_far_it_is(thread):
    running, waiting, told = Work(), Work(), []
    first = thread.ask(running, timeout_s=20.0)
    assert running.began.wait(30)
    thread.ask(lambda _: "done", timeout_s=20.0)
    last = thread.ask(waiting, timeout_s=20.0, on_progress=lambda: told.append("news"))
    assert (first.stage, first.ahead) == (Stage.PREPARING, 0)
    assert (last.stage, last.ahead) == (Stage.WAITING, 1)
    running.allowed.set()
    assert waiting.began.wait(30)
    assert (last.stage, last.ahead) == (Stage.PREPARING, 0)
    assert told == ["news"] * 3  # its place, one nearer, its turn
    waiting.allowed.set()
    assert last.result(30) == "done"


def test_a_listener_that_fails_costs_its_own_question_only(thread):
    def complain() -> None:
        raise RuntimeError("no ears")

    running = Work()
    first = thread.ask(running, timeout_s=20.0)
    assert running.began.wait(30)
    deaf = thread.ask(lambda _: "done", timeout_s=20.0, on_progress=complain)
    running.allowed.set()
    with pytest.raises(InferenceError, match="on_progress raised RuntimeError: no ears"):
        deaf.result(30)
    assert first.result(30) == "done"


def test_work_that_hangs_is_a_failure_for_good():
    thread = RegionThread(capacity=4, watchdog=1.0)
    hang = threading.Event()
    futures = [thread.ask(lambda _: hang.wait(20), timeout_s=20.0) for _ in range(2)]
    for future in futures:
        with pytest.raises(InferenceError, match=r"regions hangs: no step .* within 1 s"):
            future.result(30)
    assert "clean up and configure" in thread.failure
    with pytest.raises(InferenceError, match="hangs"):
        thread.submit(lambda _: "done")
    hang.set()
    thread.close()


def test_long_work_that_shows_that_it_lives_does_not_hang():
    """Once of three times: a busy computer may keep it from showing."""

    def ends_well() -> bool:
        thread = RegionThread(capacity=4, watchdog=1.0)
        work = Work()
        future = thread.ask(work, timeout_s=20.0)
        work.gave_up.wait(2.0)
        work.allowed.set()
        error, failure = future.exception(5), thread.failure
        thread.close()
        return error is None and failure == ""

    assert any(ends_well() for _ in range(3))


def test_clients_take_turns_and_the_work_of_the_node_has_one_of_its_own():
    thread = RegionThread(capacity=20)
    running, order = Work(), []
    thread.ask(running, timeout_s=20.0, client="a")
    assert running.began.wait(30)
    futures = [
        thread.ask(lambda _, name=name: order.append(name), timeout_s=20.0, client=name[0])
        for name in ("a1", "a2", "a3", "a4", "b1", "b2")
    ]
    futures += [thread.submit(lambda _, n=n: order.append(f"node{n}")) for n in range(2)]
    running.allowed.set()
    for future in futures:
        future.result(30)
    assert order == ["a1", "b1", "node0", "node1", "a2", "b2", "a3", "a4"]
    thread.close()


def test_a_client_that_fills_it_makes_room_for_another_and_the_node_is_never_refused(thread):
    running = Work()
    thread.ask(running, timeout_s=20.0, client="many")
    assert running.began.wait(30)
    own = [thread.submit(lambda _: "own") for _ in range(5)]
    flood = [thread.ask(lambda _: "done", timeout_s=20.0, client="many") for _ in range(2)]
    one = thread.ask(lambda _: "done", timeout_s=20.0, client="one")
    with pytest.raises(BusyError, match="at most 2 requests wait for their regions, most of them"):
        flood[1].result(30)
    for client in ("many", "one", "another"):
        with pytest.raises(BusyError, match="2 requests wait"):
            thread.ask(lambda _: "done", timeout_s=20.0, client=client)
    running.allowed.set()
    assert [future.result(30) for future in (flood[0], one, *own)] == ["done"] * 2 + ["own"] * 5


def test_what_is_canceled_stops_and_what_waits_never_begins(thread):
    running, waiting = Work(), Work()
    futures = [thread.submit(running), thread.submit(waiting)]
    assert running.began.wait(30)
    thread.cancel_all()
    for future in futures:
        with pytest.raises(CancelledError):
            future.result(30)
    assert running.gave_up.wait(30)
    assert thread.submit(lambda _: "next").result(30) == "next"
    assert not waiting.began.is_set()


def test_who_comes_too_late_takes_no_place(thread):
    running = Work()
    first = thread.submit(running)
    assert running.began.wait(30)
    waiting = [thread.ask(lambda _: "done", timeout_s=60.0, client="many") for _ in range(2)]
    late = thread.ask(lambda _: "done", timeout_s=0.0, client="late")
    with pytest.raises(DeadlineError):
        late.result(30)
    running.allowed.set()
    assert [future.result(60) for future in (first, *waiting)] == ["done"] * 3


def test_a_closed_thread_takes_nothing(thread):
    running = Work()
    future = thread.ask(running, timeout_s=20.0)
    thread.close()
    with pytest.raises(NotActiveError):
        future.result(30)
    for ask in (lambda: thread.submit(running), lambda: thread.ask(running, timeout_s=1.0)):
        with pytest.raises(NotActiveError):
            ask()


def look_at(picture: np.ndarray, _: object) -> float:
    return float(picture.sum())


def fail_at(picture: np.ndarray, _: object) -> float:
    raise InvalidRegionError(f"nothing in a picture of shape {picture.shape}")


@pytest.mark.parametrize(
    ("work", "timeout_s"), [(look_at, 20.0), (look_at, 0.0), (fail_at, 20.0), (fail_at, 0.0)]
)
def test_what_is_done_lets_go_of_its_pictures_at_once(thread, work, timeout_s):
    gc.disable()  # which would find them some time
    try:
        picture = np.zeros((9, 9))
        seen = weakref.ref(picture)
        future = thread.ask(partial(work, picture), timeout_s=timeout_s)
        future.exception(10)
        del picture, future
        until = time.monotonic() + 5
        while seen() is not None and time.monotonic() < until:
            time.sleep(0.01)
        assert seen() is None
    finally:
        gc.enable()

"""The queue: bounded, in order, and honest about requests nobody waits for."""

from __future__ import annotations

import threading
import time

import pytest

from pixelrefer_ros.engine.batching import Request, RequestQueue
from pixelrefer_ros.engine.query import Query
from pixelrefer_ros.engine.questions import Question
from pixelrefer_ros.errors import BusyError, DeadlineError, NotActiveError


def request(rows: int = 1) -> Request:
    question = Question(object_ids=("",), tracks=(), text="")
    return Request(Query(frames=[], regions=[]), [question] * rows, max_new_tokens=1)


def test_requests_leave_in_order_and_together():
    queue = RequestQueue(4)
    first, second = request(), request()
    queue.put(first)
    queue.put(second)
    assert queue.take(max_rows=16) == [first, second]


def test_a_batch_stays_within_the_rows_but_never_starves_a_large_request():
    queue = RequestQueue(4)
    large, small = request(rows=20), request()
    queue.put(large)
    queue.put(small)
    assert queue.take(max_rows=16) == [large]
    assert queue.take(max_rows=16) == [small]


def test_more_is_taken_only_as_it_fits_and_in_order():
    queue = RequestQueue(4)
    first, large, last = request(), request(rows=3), request()
    assert queue.take_more(max_rows=16) == []
    for waiting in (first, large, last):
        queue.put(waiting)
    assert queue.take_more(max_rows=3) == [first]
    assert queue.take_more(max_rows=2) == []
    assert queue.take_more(max_rows=4) == [large, last]


def test_what_was_taken_stays_in_sight_until_it_is_answered():
    queue = RequestQueue(4)
    answered, running, waiting = request(), request(), request()
    for each in (answered, running, waiting):
        queue.put(each)
    assert queue.take(max_rows=1) == [answered]
    assert queue.take_more(max_rows=1) == [running]
    answered.resolve([])
    assert queue.clear() == [running, waiting]
    assert queue.close() == [running]


def test_a_full_queue_refuses_at_once_and_names_the_limit():
    queue = RequestQueue(2)
    queue.put(request())
    queue.put(request())
    with pytest.raises(BusyError, match="the queue holds 2"):
        queue.put(request())


def test_a_canceled_request_gives_its_place_free():
    queue = RequestQueue(1)
    canceled, next_one = request(), request()
    queue.put(canceled)
    canceled.future.cancel()
    assert len(queue) == 0
    queue.put(next_one)
    assert queue.take(max_rows=1) == [next_one]


def test_take_waits_for_a_request():
    queue = RequestQueue(1)
    late = request()
    threading.Timer(0.05, queue.put, [late]).start()
    assert queue.take(max_rows=1) == [late]


def test_closing_wakes_the_taker_and_returns_what_waited():
    queue = RequestQueue(2)
    left = request()
    queue.put(left)
    assert queue.close() == [left]
    assert queue.take(max_rows=1) == []
    with pytest.raises(NotActiveError):
        queue.put(request())


def test_the_deadline_settles_the_future_without_the_worker():
    waiting = request()
    started = time.monotonic()
    waiting.expire_at(waiting.submitted + 0.05)
    with pytest.raises(DeadlineError, match=r"the deadline, 0\.050 s"):
        waiting.future.result(timeout=2.0)
    assert time.monotonic() - started < 1.0


def test_a_deadline_in_the_past_fails_at_once():
    waiting = request()
    waiting.expire_at(time.monotonic() - 1.0)
    assert isinstance(waiting.future.exception(timeout=0), DeadlineError)


def test_whoever_settles_first_wins():
    settled = request()
    settled.resolve([])
    settled.fail(RuntimeError("late"))
    assert settled.future.result() == []

"""The queue: bounded, in order, and honest about requests nobody waits for."""

from __future__ import annotations

import threading
import time

import pytest

from pixelrefer_ros.engine.batching import Request, RequestQueue
from pixelrefer_ros.engine.pending import Stage
from pixelrefer_ros.engine.query import Query
from pixelrefer_ros.engine.questions import Question
from pixelrefer_ros.errors import BusyError, DeadlineError, InferenceError, NotActiveError


def request(rows: int = 1, **fields: object) -> Request:
    question = Question(object_ids=("",), tracks=(), text="")
    return Request(Query(frames=[], regions=[]), [question] * rows, max_new_tokens=1, **fields)


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
    assert queue.close() == [running, waiting]
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
        waiting.future.result(timeout=20.0)
    assert time.monotonic() - started < 10.0


def test_a_deadline_in_the_past_fails_at_once():
    waiting = request()
    waiting.expire_at(time.monotonic() - 1.0)
    assert isinstance(waiting.future.exception(timeout=0), DeadlineError)


def test_whoever_settles_first_wins():
    settled = request()
    settled.resolve([])
    settled.fail(RuntimeError("late"))
    assert settled.future.result() == []


def test_clients_take_turns():
    queue = RequestQueue(8)
    many, one = [request(client="many") for _ in range(3)], request(client="one")
    for each in (*many, one):
        queue.put(each)
    assert queue.take(max_rows=2) == [many[0], one]


def test_the_last_row_is_for_a_client_that_nothing_is_answered_of():
    queue = RequestQueue(8)
    many, large = [request(client="many") for _ in range(4)], request(rows=2, client="many")
    for each in (*many[:3], large, many[3]):
        queue.put(each)
    assert queue.take(max_rows=4) == many[:3]
    assert queue.take_more(max_rows=1) == []
    one = request(client="one")
    queue.put(one)
    assert queue.take_more(max_rows=1) == [one], "although others were there before"
    many[0].resolve([])
    one.resolve([])
    assert queue.take_more(max_rows=2) == [], "those of one client stay in their order"
    assert queue.take_more(max_rows=3) == [large]


def test_a_large_request_has_its_turn_where_nothing_of_its_client_is_answered():
    queue = RequestQueue(8)
    large, small = request(rows=3, client="large"), request(client="small")
    for each in (large, small):
        queue.put(each)
    assert queue.take_more(max_rows=2) == []
    assert queue.take_more(max_rows=4) == [large, small]


def test_a_full_queue_makes_room_for_who_has_less_in_it():
    queue = RequestQueue(3)
    many, one = [request(client="many") for _ in range(3)], request(client="one")
    for each in (*many, one):
        queue.put(each)
    with pytest.raises(BusyError, match="the queue holds 3 requests, most of them of this client"):
        many[2].future.result(timeout=0)
    assert queue.take(max_rows=16) == [many[0], one, many[1]]


def test_who_has_most_in_a_full_queue_gets_no_more():
    queue = RequestQueue(3)
    for client in ("many", "many", "one"):
        queue.put(request(client=client))
    for client in ("many", "one"):
        with pytest.raises(BusyError, match="3 requests are waiting"):
            queue.put(request(client=client))


def test_everybody_knows_how_many_are_ahead():
    told = []
    queue = RequestQueue(4)
    first, second = request(), request()
    third = request(on_progress=lambda: told.append(third.future.ahead))
    for each in (first, second, third):
        queue.put(each)
    assert queue.take(max_rows=1) == [first]
    second.future.cancel()
    assert told == [2, 1, 0]
    assert queue.take(max_rows=1) == [third]
    third.advance(Stage.PREPARING)
    assert (third.future.stage, third.future.ahead) == (Stage.PREPARING, 0)


def test_a_listener_of_progress_that_raises_fails_its_request():
    def raises() -> None:
        raise KeyError("planner")

    failing = request(on_progress=raises)
    failing.advance(Stage.PREPARING)
    with pytest.raises(InferenceError, match="on_progress raised KeyError"):
        failing.future.result(timeout=0)


def test_a_window_gathers_what_comes_within_it():
    queue = RequestQueue(4)
    first, second = request(), request()
    queue.put(first)
    threading.Timer(0.05, queue.put, [second]).start()
    assert queue.take(max_rows=16, window=5.0) == [first, second]
    assert 5.0 <= time.monotonic() - first.submitted < 20.0


def test_a_window_ends_as_soon_as_nothing_more_would_fit():
    queue = RequestQueue(4)
    queue.put(request())
    threading.Timer(0.05, queue.put, [request(rows=2)]).start()
    started = time.monotonic()
    assert len(queue.take(max_rows=3, window=30.0)) == 2
    assert time.monotonic() - started < 20.0


def test_a_window_counts_from_when_the_request_came():
    queue = RequestQueue(4)
    queue.put(request(submitted=time.monotonic() - 60.0))
    started = time.monotonic()
    assert len(queue.take(max_rows=16, window=30.0)) == 1
    assert time.monotonic() - started < 20.0


def test_the_reason_for_closing_is_what_others_hear():
    queue = RequestQueue(2)
    queue.close(InferenceError("it hangs"))
    queue.close()
    with pytest.raises(InferenceError, match="it hangs"):
        queue.put(request())


def test_who_comes_too_late_takes_no_place():
    queue = RequestQueue(2)
    one, many, late = request(client="one"), request(client="many"), request(client="late")
    queue.put(one)
    queue.put(many)
    late.expire_at(time.monotonic() - 1.0)
    queue.put(late)
    assert not any(waiting.future.done() for waiting in (one, many))
    assert len(queue) == 2


def test_words_are_not_told_once_nobody_waits():
    heard: list[str] = []
    asked = request(on_token=lambda _, text: heard.append(text))
    tell = asked.teller(0)
    tell("a")
    asked.future.cancel()
    tell("b")
    assert heard == ["a"]

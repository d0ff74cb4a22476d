"""The engine as callers meet it."""

from __future__ import annotations

import copy
import gc
import threading
import time
import weakref
from concurrent.futures import CancelledError, wait
from dataclasses import replace

import numpy as np
import pytest
import torch

from pixelrefer_ros.engine.describer import Describer
from pixelrefer_ros.engine.generation.key_value_cache import KeyValueCache
from pixelrefer_ros.engine.generation.steps import PlainSteps
from pixelrefer_ros.engine.query import ArrayFrame, FrameStamp, Query, Sampling
from pixelrefer_ros.errors import (
    BusyError,
    DeadlineError,
    InferenceError,
    InvalidPromptError,
    InvalidRegionError,
    NotActiveError,
    OutOfMemoryError,
    TooManyRegionsError,
)
from pixelrefer_ros.regions.reference import Region

BOXES = [Region(object_id=f"box{k}", box=(8 * k, 6 * k, 40, 30)) for k in range(4)]
ENDLESS = 20_000
"""Tokens of an answer that goes on for as long as a test needs it."""


def query(picture, regions=BOXES[:1], prompt="", max_new_tokens=None) -> Query:
    return Query([ArrayFrame(picture, stamp_ns=7, camera="front")], regions, prompt, max_new_tokens)


def wait_until_running(describer: Describer) -> None:
    deadline = time.monotonic() + 60
    while describer.waiting:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_an_answer_names_its_frames_its_model_and_its_time(describer, picture):
    [answer] = describer.submit(query(picture)).result(timeout=30)
    assert answer.object_ids == ("box0",)
    assert answer.frames == (FrameStamp("front", 7),)
    assert answer.model_id == describer.model.model_id
    assert 0 < answer.confidence <= 1
    assert answer.generated_tokens == 8
    assert answer.truncated
    timing = answer.timing
    assert min(timing.encode_s, timing.infuse_s, timing.prefill_s, timing.decode_s) > 0


def test_one_answer_per_object_or_one_for_all(describer, picture):
    each = describer.describe(picture, BOXES[:3], "What is it?")
    assert [answer.object_ids for answer in each] == [("box0",), ("box1",), ("box2",)]
    [joint] = describer.describe(picture, BOXES[:2], "Compare <region> and <region>.")
    assert joint.object_ids == ("box0", "box1")


def test_a_region_alone_and_in_a_batch_gets_the_same_answer(describer, picture):
    alone = [describer.describe(picture, box, "What is it?")[0].text for box in BOXES]
    together = [answer.text for answer in describer.describe(picture, BOXES, "What is it?")]
    assert together == alone


def test_requests_that_wait_together_are_answered_as_if_alone(endless_model, picture):
    prompts = ["What is it?", "Describe the colour of it in a long sentence, please.", ""]
    other = np.ascontiguousarray(picture[::-1])
    told, all_wait = [], threading.Event()

    def wait_at_the_third(index: int, text: str) -> None:
        told.append(text)
        if len(told) == 3:
            all_wait.wait(30)

    with Describer(endless_model, max_new_tokens=8) as describer:
        alone = [describer.describe(image, BOXES[1], p)[0].text
                 for image in (picture, other) for p in prompts]  # fmt: skip
        blocker = describer.submit(query(picture, max_new_tokens=50), on_token=wait_at_the_third)
        wait_until_running(describer)
        futures = [describer.submit(query(image, [BOXES[1]], p))
                   for image in (picture, other) for p in prompts]  # fmt: skip
        all_wait.set()
        answers = [future.result(timeout=60)[0] for future in futures]
        blocker.result(timeout=60)
    assert [answer.text for answer in answers] == alone
    assert len({answer.timing.encode_s for answer in answers}) == 1, "not one pass for all"


def test_a_first_answer_to_nobody_leaves_no_trace(tiny_model, picture):
    with Describer(tiny_model) as describer:
        expected = describer.describe(picture, BOXES[0], max_new_tokens=5)
    with Describer(tiny_model) as describer:
        describer._worker.warm_up()
        assert describer.measurements.summary().answered == 0
        answers = describer.describe(picture, BOXES[0], max_new_tokens=5)
    assert [answer.text for answer in answers] == [answer.text for answer in expected]


def test_a_request_joins_those_that_are_being_answered(endless_model, picture):
    order, both_wait = [], threading.Event()
    with Describer(endless_model, max_batch=2) as describer:
        [alone] = describer.describe(picture, BOXES[1], max_new_tokens=20)
        [long_alone] = describer.describe(picture, BOXES[0], max_new_tokens=1000)
        long = describer.submit(
            query(picture, max_new_tokens=1000), on_token=lambda *_: both_wait.wait(30)
        )
        wait_until_running(describer)
        short = [describer.submit(query(picture, [BOXES[1]], max_new_tokens=20)) for _ in range(2)]
        for name, future in (("long", long), ("first", short[0]), ("second", short[1])):
            future.add_done_callback(lambda _, name=name: order.append(name))
        both_wait.set()
        [answer] = long.result(timeout=60)
        [[first], [second]] = [future.result(timeout=60) for future in short]
    assert order == ["first", "second", "long"]
    assert first.text == second.text == alone.text
    assert answer.text == long_alone.text
    assert answer.confidence == pytest.approx(long_alone.confidence, rel=1e-4)


def test_a_request_that_does_not_fit_beside_the_others_waits_and_none_overtakes(
    endless_model, picture
):
    order = []
    with Describer(endless_model, max_batch=2, max_new_tokens=5) as describer:
        long = describer.submit(query(picture, max_new_tokens=100))
        wait_until_running(describer)
        large = describer.submit(query(picture, BOXES[:2], "What is it?"))
        small = describer.submit(query(picture))
        for name, future in (("long", long), ("large", large), ("small", small)):
            future.add_done_callback(lambda _, name=name: order.append(name))
        wait([long, large, small], timeout=60)
    assert order == ["long", "large", "small"]


def test_those_being_answered_are_not_starved_by_those_that_join(endless_model, picture):
    """Joining costs 0.2 s here and may take half of the time."""
    cost, joined = 0.2, []

    class SlowFrame(ArrayFrame):
        def rgb(self):
            joined.append(self)
            time.sleep(cost)
            return self.image

    slow = Query([SlowFrame(picture)], BOXES[:1], "", 1)
    with Describer(endless_model) as describer:
        started = time.monotonic()
        running = describer.submit(query(picture, max_new_tokens=60))
        while not running.done():
            describer.submit(slow).result(timeout=60)
        elapsed = time.monotonic() - started
    assert len(joined) * cost < elapsed / 2 + 2 * cost


def test_regions_over_time_are_one_object(describer, picture):
    frames = [ArrayFrame(picture, stamp_ns=stamp) for stamp in (0, 500_000_000)]
    regions = [Region(frame=k, object_id="cup", box=(10, 10, 30, 30)) for k in range(2)]
    [answer] = describer.describe(frames, regions, "What does <region> do?")
    assert [frame.stamp_ns for frame in answer.frames] == [0, 500_000_000]


def test_greedy_answers_repeat_and_sampling_is_seeded(describer, picture):
    greedy = [describer.describe(picture, BOXES[0])[0].text for _ in range(2)]
    assert greedy[0] == greedy[1]
    sampled = [
        describer.describe(picture, BOXES[0], sampling=Sampling(1.0, 1.0, seed))[0].text
        for seed in (1, 1, 2)
    ]
    assert sampled[0] == sampled[1] != sampled[2]


def test_words_are_told_as_they_come(describer, picture):
    told: dict[int, str] = {0: "", 1: ""}

    def hear(index: int, text: str) -> None:
        told[index] += text

    answers = describer.submit(query(picture, BOXES[:2], "What is it?"), on_token=hear).result(30)
    for index, answer in enumerate(answers):
        assert told[index]
        assert answer.text.startswith(told[index].strip())


def test_a_running_request_can_be_canceled(describer, picture):
    started = threading.Event()
    future = describer.submit(
        query(picture, max_new_tokens=ENDLESS), on_token=lambda index, text: started.set()
    )
    assert started.wait(30)
    assert future.cancel()
    with pytest.raises(CancelledError):
        future.result()
    assert describer.describe(picture, BOXES[0], timeout=30)


@pytest.mark.parametrize("max_batch", [1, 2])
def test_a_deadline_is_kept_while_the_model_is_busy(endless_model, picture, max_batch):
    with Describer(endless_model, max_batch=max_batch) as describer:
        blocker = describer.submit(query(picture, max_new_tokens=ENDLESS))
        wait_until_running(describer)
        waiting = query(picture, max_new_tokens=ENDLESS)
        with pytest.raises(DeadlineError, match="the deadline"):
            describer.submit(waiting, deadline=time.monotonic() + 0.2).result(timeout=30)
        assert not blocker.done()


def test_what_could_not_be_submitted_is_refused_before_work_is_done_for_it(endless_model, picture):
    size = picture.shape[0] * picture.shape[1]
    with Describer(endless_model, queue_size=1, max_batch=1, queue_bytes=5 * size) as describer:
        with (
            describer.room_for(query(picture), frames=4),
            pytest.raises(BusyError, match=r"queue_megabytes"),
        ):
            describer.submit(query(picture, BOXES[:2]))
        with pytest.raises(TooManyRegionsError), describer.room_for(query(picture), frames=6):
            pass
        running = describer.submit(query(picture, max_new_tokens=ENDLESS), client="a")
        wait_until_running(describer)
        waiting = describer.submit(query(picture), client="a")
        with pytest.raises(BusyError, match="the queue holds 1"):
            describer.room_for(query(picture), client="a").__enter__()
        assert not waiting.done()
        running.cancel()
        waiting.cancel()


def test_limits_change_while_it_runs(endless_model, picture):
    size = picture.shape[0] * picture.shape[1]
    limits = {
        "queue_size": 1,
        "queue_bytes": size - 1,
        "max_regions": 1,
        "max_new_tokens": 3,
        "feature_cache_bytes": 0,
        "batch_window": 0.0,
    }
    with Describer(endless_model, max_new_tokens=8) as describer:
        describer.submit(query(picture)).result(30)
        assert describer.feature_cache.nbytes > 0
        describer.change_limits(**limits)
        with pytest.raises(TooManyRegionsError, match="queue_megabytes"):
            describer.submit(query(picture))
        describer.change_limits(**{**limits, "queue_bytes": 2 * size})
        assert describer.submit(query(picture)).result(30)[0].generated_tokens == 3
        assert describer.feature_cache.nbytes == 0
        with pytest.raises(TooManyRegionsError, match="the limit is 1"):
            describer.submit(query(picture, BOXES[:2]))


def test_a_full_queue_is_busy_at_once(endless_model, picture):
    with Describer(endless_model, queue_size=1, max_batch=1) as describer:
        running = describer.submit(query(picture, max_new_tokens=ENDLESS))
        wait_until_running(describer)
        waiting = describer.submit(query(picture))
        with pytest.raises(BusyError):
            describer.submit(query(picture))
        assert not running.done()
        running.cancel()
        assert waiting.result(timeout=30)


@pytest.mark.parametrize(
    ("regions", "prompt", "error", "message"),
    [
        ([], "", InvalidRegionError, "regions is empty"),
        (BOXES * 5, "", TooManyRegionsError, "regions has 20 entries, the limit is 16"),
        ([Region(frame=3, box=(0, 0, 9, 9))], "", InvalidRegionError, r"regions\[0\]\.frame is 3"),
        ([Region(box=(100, 0, 100, 9))], "", InvalidRegionError, r"regions\[0\]"),
        (BOXES[:1], "<region> and <region>?", InvalidPromptError, "2"),
        (BOXES[:2], "What is <region>?", InvalidPromptError, "1"),
        (BOXES[:1], "<image> What is <region>?", InvalidPromptError, "<image>"),
    ],
)
def test_bad_queries_are_refused_at_once(describer, picture, regions, prompt, error, message):
    with pytest.raises(error, match=message):
        describer.submit(query(picture, regions, prompt))


def test_a_failing_request_spares_those_beside_it(describer, picture):
    class Undecodable(ArrayFrame):
        def rgb(self):
            raise RuntimeError("truncated")

    blocker = describer.submit(query(picture, max_new_tokens=100))
    wait_until_running(describer)
    bad = describer.submit(Query([Undecodable(picture)], BOXES[:1]))
    good = describer.submit(query(picture))
    with pytest.raises(InferenceError, match="truncated"):
        bad.result(timeout=30)
    assert good.result(timeout=30)
    assert blocker.result(timeout=30)


def test_closing_fails_what_is_left(endless_model, picture):
    describer = Describer(endless_model, max_batch=1)
    futures = [describer.submit(query(picture, max_new_tokens=ENDLESS)) for _ in range(3)]
    describer.close()
    for future in futures:
        with pytest.raises(NotActiveError):
            future.result(timeout=30)
    with pytest.raises(NotActiveError):
        describer.submit(query(picture))


def test_what_is_being_answered_is_never_out_of_sight(endless_model, picture):
    """Closing at any moment between waiting and running fails the request, and none is finished."""
    for delay in (0.0, 0.0005, 0.002, 0.01):
        describer = Describer(endless_model)
        future = describer.submit(query(picture, max_new_tokens=ENDLESS))
        time.sleep(delay)
        describer.stop()
        with pytest.raises(NotActiveError):
            future.result(timeout=30)
        describer.close()


def test_a_listener_that_raises_fails_only_its_own_request(describer, picture):
    def raises(index: int, text: str) -> None:
        raise KeyError("planner")

    blocker = describer.submit(query(picture, max_new_tokens=100))
    wait_until_running(describer)
    bad = describer.submit(query(picture), on_token=raises)
    good = describer.submit(query(picture))
    with pytest.raises(InferenceError, match="on_token raised KeyError"):
        bad.result(timeout=30)
    assert good.result(timeout=30)
    assert blocker.result(timeout=30)


def test_what_fits_only_alone_is_answered_alone(endless_model, picture, monkeypatch):
    """Stands for a device too small for the batch: more than one prompt at once does not fit."""
    reserve = KeyValueCache.reserve

    def too_small(cache: KeyValueCache, rows: int, columns: int) -> None:
        if rows > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        reserve(cache, rows, columns)

    monkeypatch.setattr(KeyValueCache, "reserve", too_small)
    with Describer(endless_model, max_new_tokens=4) as describer:
        blocker = describer.submit(query(picture, max_new_tokens=100))
        wait_until_running(describer)
        futures = [describer.submit(query(picture, [box], "What?")) for box in BOXES]
        assert all(future.result(timeout=30) for future in [blocker, *futures])
        with pytest.raises(OutOfMemoryError, match=r"request\.max_regions"):
            describer.describe(picture, BOXES, "What?", timeout=30)


def test_each_has_the_room_for_itself_where_prompts_do_not_fit_together(
    endless_model, picture, monkeypatch
):
    """The room made for all of them must not stay while each is tried alone."""
    put_prompts = KeyValueCache.put_prompts

    def too_small(cache: KeyValueCache, layer: int, first: int, keys, values) -> None:
        if cache.rows > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        put_prompts(cache, layer, first, keys, values)

    with Describer(endless_model, max_new_tokens=4) as describer:
        wanted = describer.describe(picture, BOXES, timeout=30)
        monkeypatch.setattr(KeyValueCache, "put_prompts", too_small)
        futures = [describer.submit(query(picture, [box])) for box in BOXES]
        found = [future.result(timeout=30)[0].text for future in futures]
    assert found == [answer.text for answer in wanted]


def test_a_device_that_cannot_even_free_memory_does_not_end_the_worker(
    tiny_model, picture, monkeypatch, caplog
):
    def broken(*_: object) -> None:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    with Describer(tiny_model, max_new_tokens=2) as describer:
        with monkeypatch.context() as broken_device:
            broken_device.setattr(KeyValueCache, "put_prompts", broken)
            broken_device.setattr("pixelrefer_ros.engine.worker.free_memory", broken)
            with pytest.raises(InferenceError, match="illegal memory access"):
                describer.describe(picture, BOXES[0], timeout=30)
            futures = [describer.submit(query(picture, [box])) for box in BOXES[:2]]
            for future in futures:
                with pytest.raises(InferenceError, match="illegal memory access"):
                    future.result(timeout=30)
        assert describer.describe(picture, BOXES[0], timeout=30)


def test_prompt_and_answer_together_are_no_longer_than_the_model_reads(endless_model, picture):
    limit = 300
    language = copy.copy(endless_model.config.language)
    language.max_position_embeddings = limit
    short = copy.copy(endless_model)
    short.config = replace(endless_model.config, language=language)
    with Describer(short) as describer:
        [answer] = describer.describe(picture, BOXES[0], max_new_tokens=2000, timeout=60)
    assert answer.truncated
    assert limit // 2 < answer.generated_tokens < limit


def test_answers_that_fail_together_go_on_alone_where_they_were(
    endless_model, picture, monkeypatch
):
    """Stands for a device on which several rows fit only while they are short."""
    run, failures, told = PlainSteps.run, [], []

    def too_small(steps: PlainSteps, token_ids, positions):
        if len(positions) > 1 and max(positions) > 80:
            failures.append(positions)
            raise torch.OutOfMemoryError("CUDA out of memory")
        return run(steps, token_ids, positions)

    def hear(index: int, text: str) -> None:
        told.append(text)

    with Describer(endless_model, max_new_tokens=60) as describer:
        alone = [describer.describe(picture, box, "What?")[0].text for box in BOXES[:3]]
        monkeypatch.setattr(PlainSteps, "run", too_small)
        first = describer.submit(query(picture, BOXES[:1], "What?"), on_token=hear)
        others = [describer.submit(query(picture, [box], "What?")) for box in BOXES[1:3]]
        assert [future.result(timeout=60)[0].text for future in (first, *others)] == alone
        assert failures
        assert alone[0].startswith("".join(told).strip()), "words were told twice"
        with pytest.raises(OutOfMemoryError):
            describer.describe(picture, BOXES, "What?", timeout=60)
        assert describer.describe(picture, BOXES[0], "What?")[0].text == alone[0]


def test_expired_requests_cost_the_others_no_time(endless_model, picture, monkeypatch):
    prepared, all_expired = [], threading.Event()
    prepare = endless_model.prepare
    monkeypatch.setattr(
        endless_model, "prepare", lambda *given: prepared.append(given) or prepare(*given)
    )
    with Describer(endless_model, max_batch=1, max_new_tokens=4) as describer:
        blocker = describer.submit(
            query(picture, max_new_tokens=50), on_token=lambda *_: all_expired.wait(30)
        )
        wait_until_running(describer)
        soon = time.monotonic() + 0.02
        expired = [describer.submit(query(picture), deadline=soon) for _ in range(5)]
        last = describer.submit(query(picture))
        assert all(isinstance(future.exception(30), DeadlineError) for future in expired)
        all_expired.set()
        assert last.result(timeout=30)
        assert blocker.result(timeout=30)
    assert len(prepared) == 2


def test_an_object_is_asked_about_with_its_own_frames_only(full_model, picture):
    """The full model reads whole images: a neighbour's frame must not get into the prompt."""
    other = np.ascontiguousarray(picture[:, ::-1])
    here = Region(frame=0, box=(10, 10, 40, 40))
    there = Region(frame=1, box=(20, 20, 40, 40))
    with Describer(full_model, max_new_tokens=6) as describer:
        [alone] = describer.describe([picture], here, "What is it?")
        beside, _ = describer.describe([picture, other], [here, there], "What is it?")
    assert beside.text == alone.text
    assert beside.confidence == pytest.approx(alone.confidence, rel=1e-4)


def test_progress_is_told_stage_by_stage(describer, picture):
    stages, known = [], threading.Event()

    def hear() -> None:
        known.wait(30)
        stages.append(pending.stage.name)

    pending = describer.submit(query(picture), on_progress=hear)
    known.set()
    pending.result(30)
    assert stages == ["PREPARING", "ENCODING", "GENERATING"]


def test_what_has_been_said_so_far_can_be_seen_until_it_is_settled(describer, picture):
    told, third = [], threading.Event()

    def hear(index: int, text: str) -> None:
        told.append(text)
        if len(told) == 3:
            third.set()

    pending = describer.submit(query(picture, max_new_tokens=ENDLESS), on_token=hear)
    assert third.wait(30)
    [partly] = pending.so_far()
    assert partly.text.startswith("".join(told[:3]).strip())
    assert partly.truncated
    assert partly.generated_tokens >= 3
    assert 0 < partly.confidence <= 1
    pending.cancel()
    assert pending.so_far() == []


def test_a_client_that_floods_the_queue_does_not_starve_another(endless_model, picture):
    order, all_wait = [], threading.Event()
    with Describer(endless_model, max_batch=1, max_new_tokens=20, queue_size=4) as describer:
        blocker = describer.submit(
            query(picture, max_new_tokens=50),
            on_token=lambda *_: all_wait.wait(30),
            client="many",
        )
        wait_until_running(describer)
        flood = [describer.submit(query(picture), client="many") for _ in range(4)]
        with pytest.raises(BusyError):
            describer.submit(query(picture), client="many")
        one = describer.submit(query(picture), client="one")
        for name, future in (("one", one), *((f"many{k}", f) for k, f in enumerate(flood))):
            future.add_done_callback(lambda _, name=name: order.append(name))
        all_wait.set()
        wait([blocker, one, *flood], timeout=60)
    assert order == ["many3", "many0", "one", "many1", "many2"]
    assert isinstance(flood[3].exception(), BusyError)


def test_a_worker_that_hangs_is_noticed_and_can_be_replaced(endless_model, picture, monkeypatch):
    step, go_on = PlainSteps.run, threading.Event()

    def hang(*arguments):
        go_on.wait(60)
        return step(*arguments)

    describer = Describer(endless_model, watchdog=3.0, max_batch=1)
    assert describer.failure == ""
    with monkeypatch.context() as hanging:
        hanging.setattr(PlainSteps, "run", hang)
        futures = [describer.submit(query(picture)) for _ in range(2)]
        for future in futures:
            with pytest.raises(InferenceError, match=r"hangs: choosing the next tokens .* 3 s"):
                future.result(timeout=30)
        assert "clean up and configure" in describer.failure
        with pytest.raises(InferenceError, match="hangs"):
            describer.submit(query(picture))
        describer.close()
        assert describer._thread.is_alive(), "the test waited for the hang to end"
    with Describer(endless_model) as another:
        assert another.describe(picture, BOXES[0], timeout=30)
    go_on.set()
    describer._thread.join(30)
    assert not describer._thread.is_alive()


def test_whoever_wants_no_watchdog_waits_however_long(tiny_model):
    before = set(threading.enumerate())
    with Describer(tiny_model):
        started = {thread.name for thread in set(threading.enumerate()) - before}
        assert started == {"pixelrefer"}


def test_a_worker_that_breaks_down_says_so(endless_model, picture, monkeypatch):
    def broken(*_: object) -> None:
        raise RuntimeError("no more memory for Python itself")

    monkeypatch.setattr("pixelrefer_ros.engine.worker.Job", broken)
    with Describer(endless_model) as describer:
        with pytest.raises(InferenceError, match="broke down: RuntimeError: no more memory"):
            describer.describe(picture, BOXES[0], timeout=30)
        with pytest.raises(InferenceError, match="broke down"):
            describer.submit(query(picture))


@pytest.mark.parametrize("timeout", [None, 30.0])
def test_what_is_answered_lets_go_of_its_pictures_at_once(describer, timeout):
    gc.disable()  # which would find them some time
    try:
        picture = np.zeros((60, 80, 3), np.uint8)
        seen = weakref.ref(picture)
        describer.describe(picture, Region(box=(0, 0, 40, 30)), max_new_tokens=2, timeout=timeout)
        del picture
        until = time.monotonic() + 60
        while seen() is not None and time.monotonic() < until:
            time.sleep(0.01)
        assert seen() is None
    finally:
        gc.enable()

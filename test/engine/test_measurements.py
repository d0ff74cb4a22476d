from __future__ import annotations

import threading

import pytest

from pixelrefer_ros.engine.measurements import MOST_REQUESTS, WINDOW_S, Measurements
from pixelrefer_ros.engine.query import Answer, Timing
from pixelrefer_ros.errors import ErrorCode
from pixelrefer_ros.regions.reference import Region


def answered(queue_s: float) -> list[Answer]:
    timing = Timing(queue_s, 0.1, 0.2, 0.3, 0.4, 1.0)
    return [Answer(("cup",), "a cup", 1.0, False, 2, (), "tiny", timing)]


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_nothing_measured_is_told_as_nothing():
    summary = Measurements().summary()
    assert summary.answered == 0
    assert summary.stages == {}
    assert summary.tokens_per_s is None
    assert summary.batch_size is None
    assert summary.results.total() == 0


def test_percentiles_of_stages_and_of_the_whole():
    measurements = Measurements()
    for hundredths in range(101):
        measurements.count_answers(answered(hundredths / 100))
    stages = measurements.summary().stages
    assert list(stages) == ["queue", "preprocess", "encode", "infuse", "prefill", "decode", "total"]
    assert stages["queue"] == pytest.approx((0.5, 0.95))
    assert stages["decode"] == pytest.approx((1.0, 1.0))
    assert stages["total"] == pytest.approx((2.5, 2.95))


def test_tokens_and_batch_size_of_the_steps():
    clock = Clock()
    measurements = Measurements(clock)
    for rows in (4, 2, 2, 0):
        clock.now += 0.4
        if rows:
            measurements.count_step(rows, 0.1)
    summary = measurements.summary()
    assert summary.batch_size == pytest.approx(8 / 3)
    assert summary.tokens_per_s == pytest.approx(8 / 0.3)


def test_the_window_slides():
    clock = Clock()
    measurements = Measurements(clock)
    measurements.count_answers(answered(0.0))
    measurements.count_result(ErrorCode.BUSY)
    measurements.count_step(1, 0.1)
    clock.now += WINDOW_S / 2
    measurements.count_result(ErrorCode.NONE)
    assert measurements.summary().results == {ErrorCode.BUSY: 1, ErrorCode.NONE: 1}
    clock.now += WINDOW_S / 2 + 1
    summary = measurements.summary()
    assert summary.results == {ErrorCode.NONE: 1}
    assert (summary.answered, summary.stages, summary.batch_size) == (0, {}, None)


def test_memory_is_bounded():
    measurements = Measurements(Clock())
    for _ in range(2 * MOST_REQUESTS):
        measurements.count_answers(answered(0.0))
        measurements.count_result(ErrorCode.NONE)
    summary = measurements.summary()
    assert summary.answered == summary.results.total() == MOST_REQUESTS


def test_many_threads_count_to_the_last():
    measurements = Measurements(Clock())

    def count() -> None:
        for _ in range(200):
            measurements.count_step(3, 0.5)
            measurements.count_result(ErrorCode.NONE)
            measurements.summary()

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    summary = measurements.summary()
    assert summary.results[ErrorCode.NONE] == 800
    assert summary.tokens_per_s == pytest.approx(6.0)


def test_the_engine_measures_what_it_does(describer, picture):
    regions = [Region(box=(10 * k, 10, 40, 40)) for k in range(3)]
    answers = describer.describe(picture, regions, "What is it?", max_new_tokens=8)
    summary = describer.measurements.summary()
    assert summary.answered == 1
    assert summary.batch_size == pytest.approx(3.0)
    assert summary.tokens_per_s > 0
    assert summary.stages["decode"].p50_s == pytest.approx(answers[0].timing.decode_s)

from __future__ import annotations

import threading

import pytest

from pixelrefer_ros.engine.describer import Describer
from pixelrefer_ros.errors import CommandError
from pixelrefer_ros.evaluation.worker_thread import compute_on_worker


@pytest.fixture
def describer(endless_model):
    with Describer(endless_model) as describer:
        yield describer


def test_work_is_done_by_the_thread_that_answers(describer):
    first = compute_on_worker(describer, threading.current_thread)
    assert first.name == "pixelrefer"
    assert compute_on_worker(describer, threading.current_thread) is first


def test_work_is_done_once(describer):
    done: list[int] = []
    compute_on_worker(describer, lambda: done.append(1))
    assert done == [1]


def test_an_error_is_raised_where_the_work_was_wanted(describer):
    def fail() -> None:
        raise CommandError("tokens is 5")

    with pytest.raises(CommandError, match="tokens is 5"):
        compute_on_worker(describer, fail)
    assert compute_on_worker(describer, lambda: 7) == 7

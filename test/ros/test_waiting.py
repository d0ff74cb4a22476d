from __future__ import annotations

import gc
import threading
import time
import weakref
from concurrent.futures import Future

import pytest
from rclpy.executors import SingleThreadedExecutor

from pixelrefer_ros.engine.pending import Pending
from pixelrefer_ros.errors import BusyError, DeadlineError
from pixelrefer_ros.ros.waiting import wait_in_executor


def run(executor: SingleThreadedExecutor, future: Future) -> object:
    task = executor.create_task(wait_in_executor(future, executor))
    executor.spin_until_future_complete(task, timeout_sec=60)
    assert task.done()
    return task.result()


def test_the_result_of_another_thread_arrives_at_once(executor):
    future: Future[str] = Future()
    threading.Timer(0.1, future.set_result, ["done"]).start()
    started = time.monotonic()
    assert run(executor, future) == "done"
    assert time.monotonic() - started < 30


def test_a_future_that_is_already_settled_does_not_hang(executor):
    future: Future[str] = Future()
    future.set_result("done")
    assert run(executor, future) == "done"


def test_the_error_of_another_thread_is_raised_in_the_callback(executor):
    future: Future[str] = Future()
    threading.Timer(0.1, future.set_exception, [ValueError("broken")]).start()
    with pytest.raises(ValueError, match="broken"):
        run(executor, future)


def test_a_callback_that_failed_lets_go_of_what_it_knew(executor):
    """Although it holds the future, which holds the error, whose traceback leads to it."""

    class Picture:
        pass

    seen: list[weakref.ref[Picture]] = []

    async def callback() -> str:
        picture = Picture()
        seen.append(weakref.ref(picture))
        future: Pending[str] = Pending()
        threading.Timer(0.1, future.set_exception, [BusyError("full")]).start()
        try:
            return await wait_in_executor(future, executor)
        except BusyError as error:
            raise DeadlineError("too late") from error

    async def answer() -> str:
        try:
            return await callback()
        except DeadlineError as error:
            return str(error)

    gc.collect()
    gc.disable()
    try:
        task = executor.create_task(answer())
        executor.spin_until_future_complete(task, timeout_sec=60)
        assert task.result() == "too late"
        assert seen[0]() is None
    finally:
        gc.enable()

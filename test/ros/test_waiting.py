from __future__ import annotations

import threading
import time
from concurrent.futures import Future

import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor

from pixelrefer_ros.ros.waiting import wait_in_executor


@pytest.fixture
def executor():
    context = rclpy.Context()
    rclpy.init(context=context)
    node = rclpy.create_node("waiting", context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    yield executor
    node.destroy_node()
    context.try_shutdown()


def run(executor: SingleThreadedExecutor, future: Future) -> object:
    task = executor.create_task(wait_in_executor(future, executor))
    executor.spin_until_future_complete(task, timeout_sec=5)
    assert task.done()
    return task.result()


def test_the_result_of_another_thread_arrives_at_once(executor):
    future: Future[str] = Future()
    threading.Timer(0.1, future.set_result, ["done"]).start()
    started = time.monotonic()
    assert run(executor, future) == "done"
    assert time.monotonic() - started < 1.0


def test_a_future_that_is_already_settled_does_not_hang(executor):
    future: Future[str] = Future()
    future.set_result("done")
    assert run(executor, future) == "done"


def test_the_error_of_another_thread_is_raised_in_the_callback(executor):
    future: Future[str] = Future()
    threading.Timer(0.1, future.set_exception, [ValueError("broken")]).start()
    with pytest.raises(ValueError, match="broken"):
        run(executor, future)

"""Await work of another thread inside a callback."""

from __future__ import annotations

from concurrent.futures import Future
from copy import copy
from typing import TypeVar

from rclpy.executors import Executor
from rclpy.task import Future as RosFuture

Result = TypeVar("Result")


async def wait_in_executor(future: Future[Result], executor: Executor) -> Result:
    """Suspend a callback until `future` is settled, without holding a thread of the executor.

    rclpy's own future is completed by a task of the executor, never from the foreign thread:
    completing it there leaves some rclpy versions waiting for ever.
    What is raised is a copy: the traceback leads to the caller, who may hold the future, and in
    such a circle all that the caller knows would outlive the call.
    """
    done: RosFuture = RosFuture(executor=executor)

    def settle() -> None:
        done.set_result(None)
        executor.wake()

    future.add_done_callback(lambda _: executor.create_task(settle))
    await done
    if (error := future.exception()) is not None:
        raise copy(error)
    return future.result()

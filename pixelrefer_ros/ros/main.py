"""Run the node in a process of its own."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Sequence

import rclpy
from rclpy._rclpy_pybind11 import RCLError, UnknownROSArgsError
from rclpy.exceptions import ParameterException
from rclpy.executors import ExternalShutdownException, ShutdownException
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.signals import SignalHandlerOptions

from pixelrefer_ros.engine.describer import Describer
from pixelrefer_ros.ros.callers import CallerExecutor
from pixelrefer_ros.ros.log_forwarding import forward_core_log
from pixelrefer_ros.ros.memory import return_large_blocks
from pixelrefer_ros.ros.node import PixelReferNode

GRACE_S = 5.0
"""How long requests on their way may take to be answered when the process is told to stop."""

FLUSH_S = 0.5
"""Time for requests that were sent before to arrive, and for the last replies to leave."""

POLL_S = 0.01


def main(args: Sequence[str] | None = None) -> int:
    """Start the node and leave its lifecycle to others (launch, a lifecycle manager)."""
    return run_node(args, autostart=False)


def run_node(args: Sequence[str] | None, *, autostart: bool) -> int:
    """Run the node until SIGINT or SIGTERM; return the exit status.

    With `autostart` it is configured and activated here, where nobody else does. Requests on
    their way are answered before the process ends.
    """
    return_large_blocks()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
    except (RCLError, UnknownROSArgsError) as error:
        print(f"pixelrefer: ROS arguments cannot be read: {error}", file=sys.stderr)
        return 2
    try:
        node = PixelReferNode()
    except (ParameterException, RCLError) as error:  # RCLError: keys that DDS cannot use, for one
        print(f"pixelrefer: {error}", file=sys.stderr)
        rclpy.shutdown()
        return 2
    forward_core_log(node.get_logger())
    if autostart and not _start(node):
        return _end(node, status=1)
    executor = CallerExecutor()
    executor.add_node(node)
    spinning = threading.Thread(target=_spin, args=(executor, node), name="ros")
    spinning.start()
    stop.wait()
    for number in (signal.SIGINT, signal.SIGTERM):  # a second one must not spoil the way out
        signal.signal(number, signal.SIG_IGN)
    engine = _answer_all(executor, node)
    rclpy.shutdown()
    spinning.join()
    if engine is not None:
        engine.close(timeout=GRACE_S)
    return _end(node, status=0)


def _start(node: PixelReferNode) -> bool:
    return all(
        transition() == TransitionCallbackReturn.SUCCESS
        for transition in (node.trigger_configure, node.trigger_activate)
    )


def _spin(executor: CallerExecutor, node: PixelReferNode) -> None:
    while rclpy.ok():
        try:
            executor.spin_once()
        except (ExternalShutdownException, ShutdownException):
            return
        except Exception as error:
            if not rclpy.ok():
                return
            node.get_logger().error(
                f"callback failed: {type(error).__name__}: {error}", throttle_duration_sec=10.0
            )


def _answer_all(executor: CallerExecutor, node: PixelReferNode) -> Describer | None:
    """Let every request on its way be answered, NOT_ACTIVE if need be, before the process ends.

    Returns the engine, which may still be at its last step.
    """
    stopped = executor.create_task(node.stop)
    for _ in range(round(GRACE_S / POLL_S)):  # not by the clock: time to run is what it needs
        if stopped.done() and node.idle_s >= FLUSH_S:
            break
        time.sleep(POLL_S)
    engine: Describer | None = stopped.result()
    return engine


def _end(node: PixelReferNode, *, status: int) -> int:
    node.destroy_node()
    rclpy.try_shutdown()
    return status

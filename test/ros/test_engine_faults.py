"""A model that is slow, fails or hangs, in a node of its own process."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from builtin_interfaces.msg import Duration
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from listener import Listener
from polling import wait_until

from pixelrefer_ros.engine.pending import Stage
from pixelrefer_ros.msg import RegionQuery, RegionResult
from pixelrefer_ros.ros.client import DescribeRegionClient, box_reference
from pixelrefer_ros.ros.log_forwarding import THROTTLE_S

BOX = (40, 30, 40, 30)
WATCHDOG_S = 10.0
SCRIPT = Path(__file__).with_name("faulty_node.py")


class FaultyNode:
    """A node and the file its model takes orders from."""

    def __init__(self, processes, folder: Path, model: Path) -> None:
        self._orders = folder / "orders"
        self.order("")
        self.node = processes.node(
            script=(str(SCRIPT), str(self._orders)),
            model__path=model,
            request__max_new_tokens=4,
            request__max_batch=2,
            request__queue_size=4,
            request__watchdog=WATCHDOG_S,
        ).start()
        self.client = self.node.client
        self.node.wait_for_frames(2)

    def order(self, order: str) -> None:
        draft = self._orders.with_suffix(".draft")
        draft.write_text(order)
        draft.replace(self._orders)

    def ask(self, **fields: object) -> RegionResult:
        return self.send(**fields).result(30)

    def send(self, client: DescribeRegionClient | None = None, **fields: object):
        query = RegionQuery(regions=[box_reference(*BOX)], **fields)
        return (client or self.client).describe_async(query)


def failures_logged(faulty) -> int:
    return faulty.node.log().count("]: inference failed\n")


@pytest.fixture(scope="module")
def faulty(module_processes, endless_model_path, tmp_path_factory):
    module_processes.camera("--rate", "10")
    return FaultyNode(module_processes, tmp_path_factory.mktemp("orders"), endless_model_path)


@pytest.fixture(autouse=True)
def work_again(faulty):
    yield
    faulty.order("")


def test_a_step_that_fails_is_an_error_of_its_request_and_the_next_works(faulty):
    faulty.order("raise")
    result = faulty.ask()
    assert result.error_code == RegionResult.INFERENCE_ERROR
    assert "an order to fail" in result.error_msg
    faulty.order("")
    assert faulty.ask().error_code == RegionResult.NONE


def test_many_failures_are_one_line_of_the_log(faulty):
    """And one more for each time that the throttle lets pass."""
    started, before = time.monotonic(), failures_logged(faulty)
    faulty.order("raise")
    results = [faulty.ask() for _ in range(8)]
    assert {result.error_code for result in results} == {RegionResult.INFERENCE_ERROR}
    windows = 1 + (time.monotonic() - started) // THROTTLE_S
    assert failures_logged(faulty) - before <= windows
    faulty.order("")
    wait_until(lambda: failures_logged(faulty) > 0)


@pytest.mark.parametrize("behind", [0, 1])
def test_the_deadline_is_kept_by_a_slow_model(faulty, behind):
    """Within 100 ms and one step, whether the request is being answered or waits behind others."""
    step_s, timeout_s = 0.6, 1.0

    def took_s() -> float:
        faulty.order(f"sleep {step_s}")
        before = [faulty.send(max_new_tokens=20) for _ in range(2 * behind)]
        started = time.monotonic()
        result = faulty.ask(max_new_tokens=20, timeout=Duration(sec=1))
        took_s = time.monotonic() - started
        assert result.error_code == RegionResult.TIMEOUT
        assert timeout_s <= took_s
        faulty.order("")
        for future in before:
            assert future.result(30).error_code == RegionResult.NONE
        return took_s

    # Once of three times, on a computer that may be busy.
    assert any(took_s() < timeout_s + 0.1 + step_s for _ in range(3))


def test_a_client_that_floods_does_not_starve_another(faulty):
    """One client keeps both queues full, of finding regions and of the model; the other's
    questions, one at a time, are all answered."""
    faulty.order("sleep 0.05")
    with DescribeRegionClient() as other:
        assert other.wait_for_node(60)
        flood = [faulty.send() for _ in range(40)]
        results = []
        for _ in range(4):
            flood += [faulty.send() for _ in range(40)]
            results.append(faulty.send(other).result(30))
        faulty.order("")
        codes = [future.result(30).error_code for future in flood]
    assert [result.error_code for result in results] == [RegionResult.NONE] * 4
    assert set(codes) == {RegionResult.NONE, RegionResult.BUSY}


def test_busy_is_said_at_once_also_by_a_slow_model(faulty):
    faulty.order("sleep 1.0")
    futures = []
    while sum(future.done() for future in futures) < 3:  # refused: an answer takes 20 s
        futures.append(faulty.send(max_new_tokens=20))
        time.sleep(0.1)
    took_s = []
    for _ in range(3):
        started = time.monotonic()
        assert faulty.ask().error_code == RegionResult.BUSY
        took_s.append(time.monotonic() - started)
    assert min(took_s) < 0.5
    faulty.order("")
    codes = {future.result(30).error_code for future in futures}
    assert codes <= {RegionResult.NONE, RegionResult.BUSY}
    assert futures[0].result().error_code == RegionResult.NONE


def test_a_worker_that_hangs_is_noticed_said_and_replaced(faulty):
    faulty.order("hang")
    with Listener(diagnostics=(DiagnosticArray, "/diagnostics")) as listener:
        started = time.monotonic()
        hanging = [faulty.send() for _ in range(3)]
        stream = faulty.client.describe_streaming(box_reference(*BOX))
        results = [*(future.result(30) for future in hanging), stream.result()]
        took_s = time.monotonic() - started
        for result in results:
            assert result.error_code == RegionResult.INFERENCE_ERROR
            assert "hangs: choosing the next tokens has not ended within 10 s" in result.error_msg
            assert "clean up and configure" in result.error_msg
        assert WATCHDOG_S <= took_s < 29.0

        started = time.monotonic()
        refused = faulty.ask()
        assert refused.error_code == RegionResult.INFERENCE_ERROR
        assert "hangs" in refused.error_msg
        assert time.monotonic() - started < 25.0

        def engine_fails() -> bool:
            message = listener.heard.get("diagnostics")
            return message is not None and any(
                status.level == DiagnosticStatus.ERROR
                and "clean up and configure" in status.message
                for status in message.status
            )

        assert listener.listen(engine_fails, timeout_s=30), listener.heard
    # Still hanging: the node must not wait for its worker.
    for transition in ("deactivate", "cleanup", "configure"):
        assert faulty.node.change(transition, timeout_s=30), faulty.node.log()
    faulty.order("")
    assert faulty.node.change("activate")
    faulty.node.wait_for_frames(2)
    assert faulty.ask().error_code == RegionResult.NONE


def test_the_process_ends_while_the_worker_hangs(faulty):
    """Last in this file: the node is gone afterwards."""
    faulty.order("hang")
    hanging = faulty.client.describe_streaming(box_reference(*BOX))
    next(feedback for feedback in hanging if feedback.stage == Stage.GENERATING)
    faulty.node.process.terminate()
    assert hanging.result().error_code == RegionResult.NOT_ACTIVE
    assert faulty.node.process.wait(60) == 0, faulty.node.log()

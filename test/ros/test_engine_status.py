"""What `/diagnostics` says of the engine, heard through real DDS."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from diagnostics import Diagnostics, values_of

from pixelrefer_ros.engine.describer import Describer
from pixelrefer_ros.errors import ErrorCode
from pixelrefer_ros.msg import RegionQuery
from pixelrefer_ros.ros.client import box_reference
from pixelrefer_ros.ros.engine_status import build_engine_status


@pytest.fixture
def describer(endless_model):
    model_id, endless_model.model_id = endless_model.model_id, "trained"
    with Describer(endless_model) as engine:
        yield engine
    endless_model.model_id = model_id


def status_of(describer, settings, *, active=True) -> DiagnosticStatus:
    return build_engine_status("pixelrefer", describer, settings, active=active)


def test_an_engine_that_was_never_asked(describer, settings):
    status = status_of(describer, settings)
    assert status.name == "pixelrefer: engine"
    assert (status.level, status.message) == (DiagnosticStatus.OK, "answering")
    assert status.hardware_id == "cpu"
    values = values_of(status)
    assert float(values.pop("resident megabytes")) > 50
    assert values == {
        "model": "trained",
        "device": "cpu",
        "weights": "float32",
        "queue": "0 of 16",
        "requests answered, last 60 s": "0",
        "batch size, last 60 s": "-",
        "tokens/s, last 60 s": "-",
        "feature cache hits": "0",
        "feature cache misses": "0",
        "feature cache hit rate": "-",
        "feature cache megabytes": "0.0",
        "device megabytes": "-",
    }


def test_without_activity_there_is_nothing_to_tell(describer, settings):
    unconfigured = status_of(None, None, active=False)
    assert unconfigured.level == DiagnosticStatus.STALE
    assert "configure and activate" in unconfigured.message
    inactive = status_of(describer, settings, active=False)
    assert inactive.level == DiagnosticStatus.STALE
    assert "activate it" in inactive.message


@pytest.mark.parametrize(
    ("codes", "level", "words"),
    [
        ([ErrorCode.NONE, ErrorCode.EMPTY_MASK], DiagnosticStatus.OK, "answering"),
        ([ErrorCode.NONE, ErrorCode.BUSY], DiagnosticStatus.WARN, "1 of 2 requests of the last "
         "60 s were refused BUSY: ask less often, or raise request.queue_size"),
        ([ErrorCode.TIMEOUT] * 2, DiagnosticStatus.WARN, "2 of 2 requests"),
        ([ErrorCode.NONE, ErrorCode.INFERENCE_ERROR], DiagnosticStatus.WARN, "the log says why"),
        ([ErrorCode.INFERENCE_ERROR], DiagnosticStatus.ERROR, "clean up and configure"),
        ([ErrorCode.OUT_OF_MEMORY], DiagnosticStatus.ERROR, "lower request.max_regions"),
    ],
)  # fmt: skip
def test_results_decide_about_the_level(describer, settings, codes, level, words):
    for code in codes:
        describer.measurements.count_result(code)
    status = status_of(describer, settings)
    assert status.level == level
    assert words in status.message


def test_the_worst_comes_first_and_nothing_is_left_out(describer, settings):
    for code in (ErrorCode.BUSY, ErrorCode.OUT_OF_MEMORY):
        describer.measurements.count_result(code)
    status = status_of(describer, settings)
    assert status.level == DiagnosticStatus.ERROR
    assert status.message.index("OUT_OF_MEMORY") < status.message.index("BUSY")


def test_a_full_queue_is_warned_about(describer, settings):
    status = status_of(describer, replace(settings, queue_size=0))
    assert status.level == DiagnosticStatus.WARN
    assert "the queue is full, 0 requests wait" in status.message


def test_random_weights_are_warned_about(tiny_model, settings):
    with Describer(tiny_model) as describer:
        status = status_of(describer, settings)
    assert status.level == DiagnosticStatus.WARN
    assert "random weights" in status.message


def test_a_node_tells_how_its_engine_fares(processes, endless_model_path):
    processes.camera("--rate", "5")
    node = processes.node(
        model__path=endless_model_path, request__max_new_tokens=8, buffer__seconds=3600.0
    ).wait()
    with Diagnostics() as diagnostics:
        assert diagnostics.wait("engine", lambda status: status.level == DiagnosticStatus.STALE)
        assert node.change("configure")
        assert diagnostics.wait("engine", lambda status: "not active" in status.message)
        assert node.change("activate")
        stamp = node.wait_for_frames(1)[0].stamp
        boxes = [box_reference(40, 30, 40, 30, stamp=stamp)] * 2
        for _ in range(4):
            result = node.client.describe_async(RegionQuery(regions=boxes)).result(30)
            assert result.error_code == ErrorCode.NONE, result.error_msg
        status = diagnostics.wait(
            "engine",
            lambda status: values_of(status).get("requests answered, last 60 s") == "4",
        )
    values = values_of(status)
    assert values["feature cache hits"] == "3"
    assert values["feature cache misses"] == "1"
    assert values["feature cache hit rate"] == "0.750"
    assert float(values["feature cache megabytes"]) > 0
    assert values["batch size, last 60 s"] == "2.0"
    assert float(values["tokens/s, last 60 s"]) > 0
    stages = ("queue", "preprocess", "encode", "infuse", "prefill", "decode", "total")
    for stage in stages:
        assert float(values[f"{stage} p50 (ms)"]) <= float(values[f"{stage} p95 (ms)"])


def test_diagnostics_come_once_a_second_stamped(processes):
    processes.node().wait()
    with Diagnostics() as diagnostics:
        arrays = diagnostics.collect(4)
    stamps = [message.header.stamp.sec + message.header.stamp.nanosec / 1e9 for message in arrays]
    assert all(isinstance(message, DiagnosticArray) for message in arrays)
    assert 0.7 < np.median(np.diff(stamps)) < 2

"""What `/diagnostics` says of the engine, heard through real DDS."""

from __future__ import annotations

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from listener import Listener
from rclpy.time import Time

from pixelrefer_ros.engine.describer import Describer
from pixelrefer_ros.errors import ErrorCode
from pixelrefer_ros.ros.client import box_reference
from pixelrefer_ros.ros.diagnostics import build_diagnostics


def values_of(message: DiagnosticArray) -> dict[str, str]:
    status = message.status[0]
    return {pair.key: pair.value for pair in status.values}


def test_an_engine_that_was_never_asked(tiny_model):
    with Describer(tiny_model) as describer:
        message = build_diagnostics("pixelrefer", describer, Time(seconds=12))
    assert message.header.stamp.sec == 12
    [status] = message.status
    assert status.name == "pixelrefer: engine"
    assert status.level == DiagnosticStatus.OK
    assert values_of(message) == {
        "model": tiny_model.model_id,
        "device": "cpu",
        "requests waiting": "0",
        "feature cache hits": "0",
        "feature cache misses": "0",
        "feature cache hit rate": "-",
        "feature cache megabytes": "0.0",
    }


def test_the_second_question_about_a_frame_is_a_hit(processes):
    processes.camera("--rate", "5")
    node = processes.node().start()
    stamp = node.wait_for_frames(1)[0].stamp
    with Listener(diagnostics=(DiagnosticArray, "/diagnostics")) as listener:
        for _ in range(4):
            result = node.client.describe(box_reference(40, 30, 40, 30, stamp=stamp))
            assert result.error_code == ErrorCode.NONE, result.error_msg

        def all_counted() -> bool:
            message = listener.heard.get("diagnostics")
            return message is not None and values_of(message)["feature cache hits"] == "3"

        assert listener.listen(all_counted, timeout_s=10), listener.heard
        values = values_of(listener.heard["diagnostics"])
    assert values["feature cache misses"] == "1"
    assert values["feature cache hit rate"] == "0.750"
    assert float(values["feature cache megabytes"]) > 0
    [camera] = listener.heard["diagnostics"].status[1:]
    assert camera.name == "pixelrefer: camera camera"
    assert int(camera.values[0].value) >= 1

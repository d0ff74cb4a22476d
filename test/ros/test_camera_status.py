"""What `/diagnostics` says of cameras: real ones, each in a process of its own."""

from __future__ import annotations

import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from diagnostics import Diagnostics, values_of

WARN, ERROR, OK = DiagnosticStatus.WARN, DiagnosticStatus.ERROR, DiagnosticStatus.OK


@pytest.fixture(scope="module")
def diagnostics(module_processes):
    """Seven cameras of one node."""
    sources = {
        "good": ["--size", "640x480"],
        "reliable": ["--reliable", "--rate", "10"],
        "depth": ["--encoding", "16UC1"],
        "old": ["--start", "1000"],
        "ahead": ["--start", "2100000000"],
        "other_type": ["--compressed"],
    }
    parameters = {f"cameras__{name}__topic": f"/{name}" for name in [*sources, "absent"]}
    node = module_processes.node(
        camera_names=f"[{', '.join([*sources, 'absent'])}]", buffer__frames=20, **parameters
    )
    for name, arguments in sources.items():
        module_processes.camera("--topic", f"/{name}", *arguments)
    node.start()
    node.wait_for_frames(20, "good")
    with Diagnostics() as listener:
        yield listener


def test_a_good_camera_is_told_with_its_figures(diagnostics):
    def is_good(status: DiagnosticStatus) -> bool:
        values = values_of(status)
        return (
            status.level == OK
            and values["buffer frames"] == "20 of 20"
            and 5 < float(values["rate (Hz)"]) < 35  # 30, less where seven share two busy cores
            and 0 <= float(values["age of newest frame (s)"]) < 2
            and int(values["frames received"]) > 20
        )

    status = diagnostics.wait("camera good", is_good, timeout_s=60)
    assert status.hardware_id == "/good"
    assert status.message.endswith(" Hz")
    values = values_of(status)
    assert values["frames missing, last 10 s"].isdigit()
    assert 0 < int(values["frames dropped by count or size"]) <= int(values["frames dropped"])
    assert values["buffer megabytes"] == "18.4 of 512"
    assert values["encoding"] == "rgb8"
    assert values["size (pixels)"] == "640 x 480"
    assert values["qos"] == values["publishers"] == "best effort, volatile"


def test_reliability_that_was_followed_is_told(diagnostics):
    status = diagnostics.wait(
        "camera reliable", lambda s: values_of(s)["qos"] == "reliable, volatile"
    )
    assert values_of(status)["publishers"] == "reliable, volatile"


@pytest.mark.parametrize(
    ("camera", "level", "words"),
    [
        ("absent", WARN, ["no frame on /absent for", "nobody publishes it", "absent.topic"]),
        ("other_type", ERROR, ["sensor_msgs/msg/CompressedImage", "other_type.transport to match"]),
        ("depth", ERROR, ["'16UC1' holds depth", "give the colour topic"]),
        ("old", WARN, ["behind the node's clock", "FRAME_STALE", "use_sim_time"]),
        ("ahead", WARN, ["ahead of the node's clock", "synchronise the clocks"]),
    ],
)
def test_what_is_wrong_with_a_camera_is_told_with_the_cure(diagnostics, camera, level, words):
    diagnostics.wait(
        f"camera {camera}",
        lambda s: s.level == level and all(word in s.message for word in words),
        timeout_s=60,
    )

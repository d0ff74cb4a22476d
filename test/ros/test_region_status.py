"""The status of finding and following, of a thread that works and of one that hangs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from diagnostic_msgs.msg import DiagnosticStatus

from pixelrefer_ros.errors import InferenceError
from pixelrefer_ros.ros.annotation import Annotator
from pixelrefer_ros.ros.parameters import Settings
from pixelrefer_ros.ros.region_status import build_region_status
from pixelrefer_ros.ros.watching import Watching


class NobodyLooks:
    """In place of a publisher without subscribers."""

    def get_subscription_count(self) -> int:
        return 0


@pytest.fixture
def watching(settings: Settings) -> Iterator[Watching]:
    watching = Watching(replace(settings, watchdog=0.3), Annotator(NobodyLooks()))
    yield watching
    watching.close()


def values(status: DiagnosticStatus) -> dict[str, str]:
    return {value.key: value.value for value in status.values}


def test_it_tells_what_finds_and_what_waits(watching, settings):
    status = build_region_status("pixelrefer", watching, settings)
    assert (status.name, status.level) == ("pixelrefer: regions", DiagnosticStatus.OK)
    assert values(status) == {
        "segmenter": settings.segmenter,
        "propagator": settings.propagator,
        "requests waiting": "0",
        "tracks": f"0 of {settings.max_tracks}",
    }


def test_a_thread_that_hangs_is_an_error_with_the_cure(watching, settings):
    hang = threading.Event()
    with pytest.raises(InferenceError):
        watching.finder.thread.ask(lambda _: hang.wait(20), timeout_s=20.0).result(10)
    status = build_region_status("pixelrefer", watching, settings)
    assert status.level == DiagnosticStatus.ERROR
    assert "clean up and configure the node" in status.message
    hang.set()


def test_limits_change_while_it_works(watching, settings):
    watching.apply_settings(replace(settings, max_tracks=7))
    assert values(build_region_status("pixelrefer", watching, settings))["tracks"] == "0 of 7"

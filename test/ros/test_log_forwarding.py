from __future__ import annotations

import logging
import subprocess
import sys

import pytest
from listener import Listener
from rcl_interfaces.msg import Log

from pixelrefer_ros.ros.log_forwarding import THROTTLE_S, Throttle

SPEAKER = """
import logging, sys, time
import rclpy
from pixelrefer_ros.ros import log_forwarding
from pixelrefer_ros.ros.log_forwarding import forward_core_log
log_forwarding.THROTTLE_S = 0.0
rclpy.init()
node = rclpy.create_node("speaker")
forward_core_log(node.get_logger())
forward_core_log(node.get_logger())
core = logging.getLogger("pixelrefer_ros.engine.worker")
while rclpy.ok():
    core.debug("too small to tell")
    getattr(core, sys.argv[1])("decoding takes long")
    time.sleep(0.2)
"""


@pytest.mark.parametrize(
    ("name", "level"), [("info", Log.INFO), ("warning", Log.WARN), ("error", Log.ERROR)]
)
def test_words_of_the_core_reach_rosout_with_their_level(name, level):
    with (
        subprocess.Popen([sys.executable, "-c", SPEAKER, name], stderr=subprocess.PIPE) as speaker,
        Listener(log=(Log, "/rosout")) as listener,
    ):
        said = listener.listen(lambda: "log" in listener.heard, timeout_s=60)
        speaker.kill()
        assert said, speaker.stderr.read()
    message = listener.heard["log"]
    assert (message.name, message.msg, message.level) == ("speaker", "decoding takes long", level)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def record(level: int, line: int, text: str = "request %d failed") -> logging.LogRecord:
    return logging.LogRecord("pixelrefer_ros.x", level, "x.py", line, text, (7,), None)


def test_a_line_of_code_that_repeats_itself_is_held_back_and_counted():
    clock = Clock()
    throttle = Throttle(clock)
    passed = [throttle.filter(record(logging.ERROR, 1)) for _ in range(5)]
    assert passed == [True, False, False, False, False]
    assert throttle.filter(record(logging.WARNING, 2)), "another line is heard"
    clock.now += THROTTLE_S
    later = record(logging.ERROR, 1)
    assert throttle.filter(later)
    assert later.getMessage() == "request 7 failed\n(and 4 more like this before)"
    clock.now += THROTTLE_S
    last = record(logging.ERROR, 1)
    assert throttle.filter(last)
    assert last.getMessage() == "request 7 failed"


def test_progress_is_not_held_back():
    throttle = Throttle(Clock())
    assert all(throttle.filter(record(logging.INFO, 1)) for _ in range(5))

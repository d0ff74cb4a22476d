from __future__ import annotations

import subprocess
import sys

import pytest
from listener import Listener
from rcl_interfaces.msg import Log

SPEAKER = """
import logging, sys, time
import rclpy
from pixelrefer_ros.ros.log_forwarding import forward_core_log
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
        said = listener.listen(lambda: "log" in listener.heard, timeout_s=20)
        speaker.kill()
        assert said, speaker.stderr.read()
    message = listener.heard["log"]
    assert (message.name, message.msg, message.level) == ("speaker", "decoding takes long", level)

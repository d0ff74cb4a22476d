from __future__ import annotations

import logging
from collections.abc import Callable

import pytest
import rclpy
from listener import Listener
from rcl_interfaces.msg import Log

from pixelrefer_ros.ros.log_forwarding import CORE, forward_core_log


@pytest.fixture
def core_log():
    core = logging.getLogger(CORE)
    before = core.handlers, core.level, core.propagate
    yield logging.getLogger(f"{CORE}.engine.worker")
    core.handlers, core.level, core.propagate = before


def test_words_of_the_core_reach_rosout_with_their_level(core_log):
    context = rclpy.Context()
    rclpy.init(context=context)
    node = rclpy.create_node("speaker", context=context)
    forward_core_log(node.get_logger())
    forward_core_log(node.get_logger())
    levels = {Log.INFO: core_log.info, Log.WARN: core_log.warning, Log.ERROR: core_log.error}
    with Listener(log=(Log, "/rosout")) as listener:
        for level, say in levels.items():

            def is_heard(level: int = level, say: Callable[[str], None] = say) -> bool:
                core_log.debug("too small to tell")
                say("decoding takes long")
                message = listener.heard.get("log")
                return message is not None and message.level == level

            assert listener.listen(is_heard, timeout_s=10), listener.heard
            assert listener.heard["log"].msg == "decoding takes long"
    node.destroy_node()
    context.try_shutdown()

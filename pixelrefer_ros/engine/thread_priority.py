"""What computes stands back, so that what receives comes in time."""

from __future__ import annotations

import logging
import os
import sys
import threading

BACKGROUND_NICENESS = 5
"""A third of the share of a processor that the other threads have, where there are too few."""

logger = logging.getLogger(__name__)


def stand_back() -> None:
    """Let the other threads of the machine go first; those this thread starts inherit it.

    Frames are lost when the thread that receives them waits too long for a processor; an answer
    only comes later. On Linux a niceness belongs to one thread; elsewhere nothing is done.
    """
    if not sys.platform.startswith("linux"):
        return
    thread = threading.get_native_id()
    try:
        os.setpriority(
            os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, 0) + BACKGROUND_NICENESS
        )
    except OSError as error:  # a sandbox may forbid even this
        logger.debug("the priority of the thread stays: %s", error)

"""What the core logs, in the log of the node."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable

from rclpy.impl.rcutils_logger import RcutilsLogger

CORE = "pixelrefer_ros"
THROTTLE_S = 10.0


class Throttle(logging.Filter):
    """Lets one warning or error of each line of code pass in `THROTTLE_S`, and counts the others.

    What fails for one request may fail for each: the next line that passes tells how many did not.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._passed: dict[tuple[str, int], float] = {}
        self._held_back: Counter[tuple[str, int]] = Counter()

    def filter(self, record: logging.LogRecord) -> bool:
        """Decide about a record; one that passes after others were held back says so."""
        if record.levelno < logging.WARNING:
            return True
        line = (record.pathname, record.lineno)
        now = self._clock()
        if now - self._passed.get(line, float("-inf")) < THROTTLE_S:
            self._held_back[line] += 1
            return False
        self._passed[line] = now
        if held_back := self._held_back.pop(line, 0):
            record.msg = f"{record.getMessage()}\n(and {held_back} more like this before)"
            record.args = ()
        return True


class NodeLogHandler(logging.Handler):
    """Says what the core says, from INFO on, with the logger of a node: console and `/rosout`."""

    def __init__(self, logger: RcutilsLogger) -> None:
        super().__init__(logging.INFO)
        self._logger = logger
        self.addFilter(Throttle())

    def emit(self, record: logging.LogRecord) -> None:
        """Pass a record on; never raises."""
        try:
            text = self.format(record)
            # A line of code each: rclpy takes one severity from a line.
            if record.levelno >= logging.ERROR:
                self._logger.error(text)
            elif record.levelno >= logging.WARNING:
                self._logger.warning(text)
            else:
                self._logger.info(text)
        except Exception:
            self.handleError(record)


def forward_core_log(logger: RcutilsLogger) -> None:
    """Let the core log through a node's logger from now on, and nowhere else."""
    core = logging.getLogger(CORE)
    core.handlers = [NodeLogHandler(logger)]
    core.setLevel(logging.INFO)
    core.propagate = False

"""What the core logs, in the log of the node."""

from __future__ import annotations

import logging

from rclpy.impl.rcutils_logger import RcutilsLogger

CORE = "pixelrefer_ros"


class NodeLogHandler(logging.Handler):
    """Says what the core says, from INFO on, with the logger of a node: console and `/rosout`."""

    def __init__(self, logger: RcutilsLogger) -> None:
        super().__init__(logging.INFO)
        self._logger = logger

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

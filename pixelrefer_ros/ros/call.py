"""A request on its way through the node."""

from __future__ import annotations

from typing import Any

from pixelrefer_ros.engine.batching import OnToken
from pixelrefer_ros.engine.pending import OnProgress, Pending, PendingAnswers
from pixelrefer_ros.engine.query import Answer


class Call:
    """What one caller asked, by service or action; it can be withdrawn wherever it is.

    caller: who asked (`ros/callers.py`). withdrawn: why it was, empty while it is not.
    partial: what was said until then. A call that tells how far it is has `on_token` and
    `on_progress`.
    """

    on_token: OnToken | None = None
    on_progress: OnProgress | None = None

    def __init__(self, caller: str) -> None:
        self.caller = caller
        self.withdrawn = ""
        self.partial: list[Answer] = []
        self.pending: PendingAnswers | None = None
        self.finding: Pending[Any] | None = None

    def prepare(self, finding: Pending[Any]) -> None:
        """Take note that regions are looked for, before there are answers to come."""
        self.finding = finding
        if self.withdrawn:
            finding.cancel()

    def follow(self, pending: PendingAnswers) -> None:
        """Take note of the answers to come."""
        self.pending = pending
        if self.withdrawn:
            self.withdraw(self.withdrawn)

    def end(self) -> None:
        """Let go of the pictures: nothing more is to come."""
        self.finding = self.pending = None

    def withdraw(self, reason: str) -> None:
        """Drop it where it waits; where it is being answered, stop at the next token."""
        self.withdrawn = reason
        if self.finding is not None:
            self.finding.cancel()
        if self.pending is not None and not self.pending.done():
            so_far = self.pending.so_far
            if self.pending.cancel():  # first: words that come later are not told any more
                self.partial = so_far()

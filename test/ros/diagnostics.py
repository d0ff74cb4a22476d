"""Hears `/diagnostics` as a robot's monitor does."""

from __future__ import annotations

from collections.abc import Callable

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from listener import Listener


def values_of(status: DiagnosticStatus) -> dict[str, str]:
    return {pair.key: pair.value for pair in status.values}


class Diagnostics(Listener):
    """Listens to `/diagnostics`."""

    def __init__(self) -> None:
        super().__init__(diagnostics=(DiagnosticArray, "/diagnostics"))

    def wait(
        self,
        part: str,
        until: Callable[[DiagnosticStatus], bool] = lambda status: True,
        timeout_s: float = 30.0,
    ) -> DiagnosticStatus:
        """Return the status `pixelrefer: <part>` as soon as it is as expected."""

        def comes_true() -> bool:
            return any(until(status) for status in self._statuses(part))

        assert self.listen(comes_true, timeout_s), self.heard
        [status] = self._statuses(part)
        return status

    def collect(self, count: int, timeout_s: float = 30.0) -> list[DiagnosticArray]:
        """Return so many messages as they come."""
        messages = []
        for _ in range(count):
            self.heard.clear()
            assert self.listen(lambda: bool(self.heard), timeout_s)
            messages.append(self.heard["diagnostics"])
        return messages

    def _statuses(self, part: str) -> list[DiagnosticStatus]:
        message = self.heard.get("diagnostics")
        statuses = message.status if isinstance(message, DiagnosticArray) else []
        return [status for status in statuses if status.name == f"pixelrefer: {part}"]

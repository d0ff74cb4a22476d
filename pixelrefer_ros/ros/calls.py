"""All requests on their way, and their withdrawal."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rclpy.node import Node

from pixelrefer_ros.ros.call import Call
from pixelrefer_ros.ros.callers import GUID_BYTES


class Calls:
    """Knows the calls of some services of a node until they are answered.

    A caller is the end of a client that replies go to, so it can be looked for in the graph. It is
    taken to have left only if it was there before: where callers have other names in the graph than
    in requests, nobody ever leaves.
    """

    def __init__(self, node: Node, services: Sequence[str]) -> None:
        self._node = node
        self._replies = [f"rr{node.resolve_service_name(name)}Reply" for name in services]
        self._was_there: dict[Call, bool] = {}
        self._last = time.monotonic()

    @property
    def idle_s(self) -> float:
        """For how long no call was underway."""
        return 0.0 if self._was_there else time.monotonic() - self._last

    @contextmanager
    def underway(self, call: Call) -> Iterator[None]:
        """Know a call inside of this context."""
        self._was_there[call] = False
        try:
            yield
        finally:
            del self._was_there[call]
            self._last = time.monotonic()

    def withdraw_all(self, reason: str) -> None:
        """Withdraw every call, wherever it is: also one whose regions were found a moment ago."""
        for call in self._was_there:
            if not call.withdrawn:
                call.withdraw(reason)

    def withdraw_abandoned(self) -> None:
        """Withdraw what nobody waits for any more; to be called now and then."""
        if not self._was_there:
            return
        present = self._present()
        for call, was_there in list(self._was_there.items()):
            if call.caller in present:
                self._was_there[call] = True
            elif was_there and not call.withdrawn:
                call.withdraw("the client left before the answer came")

    def _present(self) -> set[str]:
        """Return all callers in the graph."""
        return {
            bytes(end.endpoint_gid[:GUID_BYTES]).hex()
            for topic in self._replies
            for end in self._node.get_subscriptions_info_by_topic(topic, no_mangle=True)
        }

"""How much memory the requests that are not answered yet may hold together."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from pixelrefer_ros.engine.query import Query
from pixelrefer_ros.errors import BusyError, TooManyRegionsError

BYTES_PER_CHARACTER = 4
"""Most that Python takes for one."""


class MemoryBudget:
    """Counts bytes in and out, safe under threads.

    A client with a name that holds some already gets no more than half of all: others find room.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._taken: Counter[str] = Counter()
        self._lock = threading.Lock()

    @property
    def taken(self) -> int:
        """Bytes handed out and not given back."""
        with self._lock:
            return self._taken.total()

    def change(self, max_bytes: int) -> None:
        """Hand out so many from now on; what is out already stays out."""
        with self._lock:
            self._max_bytes = max_bytes

    @contextmanager
    def hold(self, nbytes: int, client: str) -> Iterator[None]:
        """Hand bytes out inside of this context. Raises what `take` does."""
        self.take(nbytes, client)
        try:
            yield
        finally:
            self.give_back(nbytes, client)

    def take(self, nbytes: int, client: str) -> None:
        """Hand bytes out.

        Raises `TooManyRegionsError` for more than there is, `BusyError` for more than is left.
        """
        if nbytes > self._max_bytes:
            raise TooManyRegionsError(
                f"the masks of regions take {nbytes} bytes at the size of their frames, the limit "
                f"is {self._max_bytes} (request.queue_megabytes)"
            )
        with self._lock:
            own, taken = self._taken[client], self._taken.total()
            if taken + nbytes > self._max_bytes:
                raise BusyError(
                    f"the masks of regions take {nbytes} bytes beside {taken} bytes of "
                    f"unanswered requests, the limit is {self._max_bytes} (request.queue_megabytes)"
                )
            if client and own and own + nbytes > self._max_bytes // 2:
                raise BusyError(
                    f"the masks of regions take {nbytes} bytes beside {own} bytes of unanswered "
                    f"requests of this client, the limit for one client is {self._max_bytes // 2} "
                    "(half of request.queue_megabytes)"
                )
            self._taken[client] += nbytes

    def give_back(self, nbytes: int, client: str) -> None:
        """Take back what was handed out."""
        with self._lock:
            self._taken[client] -= nbytes
            if not self._taken[client]:
                del self._taken[client]


def bytes_of(query: Query, frame_sizes: Sequence[tuple[int, int]]) -> int:
    """Return the bytes a query holds until it is answered, known before its masks are made.

    frame_sizes: height and width of the frame of each region.
    """
    made = sum(height * width for height, width in frame_sizes)
    given = sum(region.mask.nbytes for region in query.regions if region.mask is not None)
    return made + given + BYTES_PER_CHARACTER * len(query.prompt)

"""Who is next: clients take turns, so that none starves another."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from itertools import chain, zip_longest
from typing import Generic, Protocol, TypeVar


class HasClient(Protocol):
    """Something that a client sent."""

    @property
    def client(self) -> str:
        """Name of the client; all without a name are one."""


Sent = TypeVar("Sent", bound=HasClient)


class Turns(Generic[Sent]):
    """Holds what waits: one of each client is next, then one more of each, each client in order.

    Iterating gives the order in which `take` takes. Not safe under threads.
    """

    def __init__(self) -> None:
        self._by_client: dict[str, deque[Sent]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._by_client.values()))

    def __iter__(self) -> Iterator[Sent]:
        rounds = chain.from_iterable(zip_longest(*self._by_client.values()))
        return (sent for sent in rounds if sent is not None)

    def append(self, sent: Sent) -> None:
        """Put something behind all of its client."""
        self._by_client.setdefault(sent.client, deque()).append(sent)

    def firsts(self) -> list[Sent]:
        """Return the first of each client, whose turn is next before the others."""
        return [sents[0] for sents in self._by_client.values()]

    def take(self, client: str | None = None) -> Sent:
        """Take the first of a client, by default of the next; its turn comes again after others."""
        if client is None:
            client = next(iter(self._by_client))
        sents = self._by_client.pop(client)
        sent = sents.popleft()
        if sents:
            self._by_client[client] = sents
        return sent

    def has_room(self, client: str) -> bool:
        """Tell whether it is fairer that somebody else leaves for `client`."""
        return self._share(self._largest(client)) > self._share(client) + 1

    def make_room(self, client: str) -> Sent | None:
        """Take out the last of whoever has most, for `client`; nothing where that is not fairer."""
        return self._by_client[self._largest(client)].pop() if self.has_room(client) else None

    def keep(self, is_wanted: Callable[[Sent], bool]) -> None:
        """Forget what is not wanted; the order of turns stays."""
        for client, sents in list(self._by_client.items()):
            left = deque(filter(is_wanted, sents))
            if left:
                self._by_client[client] = left
            else:
                del self._by_client[client]

    def clear(self) -> None:
        """Forget everything."""
        self._by_client.clear()

    def _largest(self, client: str) -> str:
        return max(self._by_client, key=self._share, default=client)

    def _share(self, client: str) -> int:
        return len(self._by_client.get(client, ()))

"""What was prepared of pictures and masks lately, so that each is worked on once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

CAPACITY = 256

Prepared = TypeVar("Prepared")


class RecentlyPrepared:
    """Remembers what was made of arrays, found again by their identity.

    Bounded: of more than `capacity` results the one unused for longest is forgotten. Not
    thread-safe.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._kept: OrderedDict[Hashable, tuple[tuple[NDArray[Any], ...], Any]] = OrderedDict()

    def get(
        self,
        arrays: tuple[NDArray[np.uint8] | NDArray[np.bool_], ...],
        purpose: Hashable,
        make: Callable[[], Prepared],
    ) -> Prepared:
        """Return what `make` made of these very arrays for this purpose, or have it made."""
        key = (*map(id, arrays), purpose)
        if key not in self._kept:
            # With the arrays, so that no others get their identities meanwhile.
            self._kept[key] = arrays, make()
            if len(self._kept) > self._capacity:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        prepared: Prepared = self._kept[key][1]
        return prepared

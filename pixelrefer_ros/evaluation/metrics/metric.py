"""What every metric offers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pixelrefer_ros.evaluation.metrics.scored import Scored


@dataclass(frozen=True)
class Measured:
    """What a metric found.

    per_item: the value of each item, in order; None where it has none.
    value: over all items, where that is not the mean of theirs.
    failed: why an item has no value though it should, by its place.
    """

    per_item: Sequence[float | None]
    value: float | None = None
    failed: Mapping[int, str] = field(default_factory=dict)


class Metric(ABC):
    """Compares answers with what is known."""

    names: tuple[str, ...]
    """The values it computes in one go."""

    needs: str
    """The fields of an item without which it cannot be computed."""

    @abstractmethod
    def applies(self, item: Scored) -> bool:
        """Tell whether an item has the fields it needs."""

    @abstractmethod
    def measure(self, items: Sequence[Scored]) -> dict[str, Measured]:
        """Compute its values for items to which it applies, at least one.

        Raises `MetricError` with the reason, and how to get what is missing.
        """

"""What all metrics found, together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class TypeValue:
    """The mean over `n` items with the same question type."""

    value: float
    n: int


@dataclass(frozen=True)
class MetricReport:
    """What was found, metric by metric.

    values: over all items; from 0 to 1, higher is better, unless docs/metrics.md says otherwise.
    counts: of how many items.
    by_type: metric, then question type; for metrics that are means, where items have types.
    items: id of an item, then metric.
    left_out: metrics that were not computed: why, and how to get them.
    failed: metric, then id of an item: why that item has no value though it should.
    """

    values: dict[str, float] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    by_type: dict[str, dict[str, TypeValue]] = field(default_factory=dict)
    items: dict[str, dict[str, float]] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    failed: dict[str, dict[str, str]] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the form that `pixelrefer score --json` prints."""
        return {
            "values": self.values,
            "counts": self.counts,
            "by_type": {
                metric: {kind: {"value": found.value, "n": found.n} for kind, found in row.items()}
                for metric, row in self.by_type.items()
            },
            "items": self.items,
            "left_out": self.left_out,
            "failed": self.failed,
        }

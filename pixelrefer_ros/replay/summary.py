"""A run in numbers: how many answers, why the others are missing, how long they took."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pixelrefer_ros.evaluation.metrics import MetricReport
from pixelrefer_ros.replay.results import STAGES, Result, Timing, answered
from pixelrefer_ros.streams.bag_reader import BrokenMessage

PERCENTILES = (50, 95)


def summarize_results(
    results: Sequence[Result], broken: Sequence[BrokenMessage], metrics: MetricReport
) -> dict[str, Any]:
    """Return what `metrics.json` holds: the same whenever the results are."""
    return {
        "queries": len(results),
        "answered": len(answered(results)),
        "errors": dict(sorted(Counter(r.error for r in results if r.error).items())),
        "broken_messages": dict(sorted(Counter(one.topic for one in broken).items())),
        "metrics": {
            name: {"value": round(value, 4), "n": metrics.counts[name]}
            for name, value in metrics.values.items()
        },
        "left_out": dict(metrics.left_out),
        "failed": {name: dict(reasons) for name, reasons in metrics.failed.items()},
    }


def summarize_timings(
    results: Sequence[Result], timings: Mapping[str, Timing], counts: Mapping[str, int]
) -> dict[str, Any]:
    """Return what `latency.json` holds: seconds over all answered queries, and `counts`."""
    times = [timings[result.id] for result in answered(results)]
    stages = [name for name in STAGES if any(name in time.stages_s for time in times)]
    ages = [time.age_s for time in times if time.age_s is not None]
    return {
        "latency_s": _spread([time.latency_s for time in times]),
        "stages_s": {
            name: _spread([time.stages_s[name] for time in times if name in time.stages_s])
            for name in stages
        },
        "age_s": _spread(ages),
        **counts,
    }


def _spread(seconds: Sequence[float]) -> dict[str, float] | None:
    if not seconds:
        return None
    return {
        "mean": round(float(np.mean(seconds)), 4),
        **{f"p{q}": round(float(np.percentile(seconds, q)), 4) for q in PERCENTILES},
        "max": round(max(seconds), 4),
        "n": len(seconds),
    }

"""Runs a test on many generated cases, the same ones every time, and counts them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import SearchStrategy

from pixelrefer_ros.errors import PixelReferError

RUN: Counter[str] = Counter()
"""How many cases each test has run so far."""

HANG = timedelta(seconds=120)
"""One case may take so long; what should take milliseconds gets it even on a busy machine."""


def fuzz(examples: int, **strategies: SearchStrategy) -> Callable[[Callable], Callable]:
    """Call the test with `examples` draws of `strategies`, beside its fixtures."""

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        @wraps(test)
        def counted(*arguments: Any, **keywords: Any) -> None:
            RUN[test.__qualname__] += 1
            test(*arguments, **keywords)

        settled = settings(
            max_examples=examples,
            derandomize=True,
            database=None,
            deadline=HANG,
            phases=(Phase.explicit, Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        )
        return settled(given(**strategies)(counted))

    return decorate


def check_message(error: PixelReferError) -> None:
    """What a person reads is neither empty nor as long as the hostile input."""
    assert 5 < len(str(error)) < 12_000

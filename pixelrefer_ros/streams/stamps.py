"""Times as whole nanoseconds, the way ROS headers carry them."""

from __future__ import annotations

NANOSECONDS = 1_000_000_000
"""In a second."""
STAMP_TOLERANCE_NS = NANOSECONDS // 50
"""How far a stamp may be from its frame, the default of the node too."""


def format_seconds(nanoseconds: int) -> str:
    """Write nanoseconds as seconds with all nine decimals."""
    sign = "-" if nanoseconds < 0 else ""
    whole, fraction = divmod(abs(nanoseconds), NANOSECONDS)
    return f"{sign}{whole}.{fraction:09d}"

"""One entry of `/diagnostics`: values, and what is wrong with the cure in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from diagnostic_msgs.msg import DiagnosticStatus, KeyValue

OK: bytes = DiagnosticStatus.OK
WARN: bytes = DiagnosticStatus.WARN
ERROR: bytes = DiagnosticStatus.ERROR
STALE: bytes = DiagnosticStatus.STALE


class Complaint(NamedTuple):
    """Something that is not as it should be, and what to do about it."""

    level: bytes
    text: str


def build_status(
    name: str,
    *,
    hardware_id: str,
    complaints: list[Complaint],
    fine: str,
    values: Mapping[str, str],
) -> DiagnosticStatus:
    """Build an entry with the level of the worst complaint, the text of all, the worst first.

    fine: what it says without any.
    """
    ordered = sorted(complaints, key=lambda complaint: complaint.level, reverse=True)
    return DiagnosticStatus(
        level=ordered[0].level if ordered else OK,
        name=name,
        message="; ".join(complaint.text for complaint in ordered) or fine,
        hardware_id=hardware_id,
        values=[KeyValue(key=key, value=value) for key, value in values.items()],
    )

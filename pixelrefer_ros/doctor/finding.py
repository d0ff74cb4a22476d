"""What a check found."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Level(Enum):
    """How much a finding matters."""

    OK = "ok"
    """As it should be."""
    INFO = "info"
    """Not there, or not checked, and only some need it."""
    WARN = "warn"
    """It works, but not as well as it could."""
    ERROR = "error"
    """Something will not work."""


class Finding(NamedTuple):
    """One line of the report: what was looked at, what was found, and what to do about it."""

    level: Level
    what: str
    found: str
    cure: str = ""

"""The Python that runs this."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator

from pixelrefer_ros.doctor.finding import Finding, Level

OLDEST = (3, 10)


def check_python(version: tuple[int, int] = sys.version_info[:2]) -> Iterator[Finding]:
    """Look at the version; `version` stands for this one's major and minor."""
    found = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    if version >= OLDEST:
        yield Finding(Level.OK, "Python", found)
    else:
        oldest = ".".join(map(str, OLDEST))
        yield Finding(Level.ERROR, "Python", found, f"use Python {oldest} or later")

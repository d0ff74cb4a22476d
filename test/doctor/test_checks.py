from __future__ import annotations

from pixelrefer_ros.doctor.checks import run_check
from pixelrefer_ros.doctor.finding import Finding, Level


def test_a_check_that_breaks_keeps_what_it_found():
    def breaks():
        yield Finding(Level.OK, "first", "there")
        raise ZeroDivisionError("by nothing")

    first, broken = run_check(breaks)
    assert first.what == "first"
    assert (broken.level, broken.found) == (
        Level.ERROR,
        "a check broke: ZeroDivisionError: by nothing",
    )

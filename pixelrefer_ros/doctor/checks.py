"""All checks that need no ROS, in the order of the report."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pixelrefer_ros.doctor.computer import check_computer
from pixelrefer_ros.doctor.cuda import check_cuda
from pixelrefer_ros.doctor.finding import Finding, Level
from pixelrefer_ros.doctor.model_folder import check_model
from pixelrefer_ros.doctor.optional_packages import check_optional_packages
from pixelrefer_ros.doctor.packages import check_packages
from pixelrefer_ros.doctor.python import check_python
from pixelrefer_ros.doctor.rendering import check_rendering

Check = Callable[[], Iterator[Finding]]


def core_checks(model: str) -> list[Check]:
    """Return the checks; `model` is as of the parameter `model.path`."""
    return [
        check_python,
        check_packages,
        check_cuda,
        check_optional_packages,
        check_rendering,
        check_computer,
        lambda: check_model(model),
    ]


def run_check(check: Check) -> Iterator[Finding]:
    """Yield what a check finds; one that breaks is a finding, too, and the others go on."""
    try:
        yield from check()
    except Exception as error:
        yield Finding(
            Level.ERROR,
            "doctor",
            f"a check broke: {type(error).__name__}: {error}",
            "report it with the output of `pixelrefer doctor --json`",
        )

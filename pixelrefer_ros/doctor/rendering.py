"""Whether `pixelrefer simulate` can draw."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

from pixelrefer_ros.doctor.finding import Finding, Level

PROBE = """
import os
from pixelrefer_ros.errors import DeviceError
from pixelrefer_ros.simulation.renderer import Renderer
try:
    Renderer().close()
except DeviceError as error:
    raise SystemExit(str(error))
print(os.environ["MUJOCO_GL"])
"""
TIMEOUT_S = 60.0


def check_rendering(probe: str = PROBE) -> Iterator[Finding]:
    """Open the graphics library in a process of its own: it can end the one it fails in."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", probe],
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        yield Finding(
            Level.INFO,
            "rendering",
            f"no answer within {TIMEOUT_S:.0f} s",
            "for `pixelrefer simulate`",
        )
        return
    if done.returncode == 0:
        yield Finding(Level.OK, "rendering", f"without a screen, by {done.stdout.strip()}")
        return
    reason = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
    yield Finding(Level.INFO, "rendering", "not possible", f"for `pixelrefer simulate`: {reason}")

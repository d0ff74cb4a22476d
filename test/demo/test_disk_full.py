"""Results that do not fit on the disk: said in one line, and no half of them is left."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")
ROOT = Path(__file__).resolve().parents[2]


def mounted(folder: Path, kilobytes: int, command: str) -> subprocess.CompletedProcess[str]:
    """Run a shell command where `folder` is a small disk of its own."""
    mount = f"mount -t tmpfs -o size={kilobytes}k tmpfs '{folder}' && {command}"
    return subprocess.run(
        ["unshare", "--map-root-user", "--mount", "sh", "-c", mount],
        cwd=ROOT,
        timeout=300,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_disk_that_is_full_is_said_and_no_half_result_is_left(tmp_path):
    if not shutil.which("unshare") or mounted(tmp_path, 64, "true").returncode:
        pytest.skip("no small disk can be mounted here")
    demo = (
        f"'{sys.executable}' -m pixelrefer_ros.cli demo --model random-tiny --out '{tmp_path}/out'"
    )
    done = mounted(tmp_path, 64, f"{demo}; echo status $?; ls '{tmp_path}/out'")
    assert "status 2" in done.stdout, done.stderr
    assert f"--out '{tmp_path}/out' cannot be written: No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    left = done.stdout.rpartition("status 2")[2]
    assert "results.json" not in left
    assert ".jpg" not in left

"""Results that do not fit on the disk: said in one line, and no half of them is left."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")
ROOT = Path(__file__).resolve().parents[2]

SMALL_FILES = """
import resource, sys
from pixelrefer_ros import cli
from pixelrefer_ros.demo import run

interview = run._interview

def interview_before_the_disk_is_full(*arguments):
    answers = interview(*arguments)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
    return answers

run._interview = interview_before_the_disk_is_full
sys.exit(cli.main(sys.argv[1:]))
"""
"""The command, whose files may not grow beyond 1000 bytes once all is answered. Not before: the
limit would hold for shared memory, too."""


def shell(command: str, *, within: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*within, "sh", "-c", command],
        cwd=ROOT,
        timeout=300,
        capture_output=True,
        text=True,
        check=False,
    )


def mounted(folder: Path, kilobytes: int, command: str) -> subprocess.CompletedProcess[str]:
    """Run a shell command where `folder` is a small disk of its own."""
    mount = f"mount -t tmpfs -o size={kilobytes}k tmpfs '{folder}' && {command}"
    return shell(mount, within=("unshare", "--map-root-user", "--mount"))


def can_mount(folder: Path) -> bool:
    return bool(shutil.which("unshare")) and not mounted(folder, 64, "true").returncode


@pytest.mark.parametrize("kind", ["small disk", "small files"])
def test_a_disk_that_is_full_is_said_and_no_half_result_is_left(tmp_path, kind):
    out = tmp_path / "out"
    demo = ["demo", "--model", "random-tiny", "--out", str(out)]
    listing = f"echo status $?; ls '{out}'"
    if kind == "small files":
        command = shlex.join([sys.executable, "-c", SMALL_FILES, *demo])
        done, reason = shell(f"{command}; {listing}"), "File too large"
    elif can_mount(tmp_path):
        command = shlex.join([sys.executable, "-m", "pixelrefer_ros.cli", *demo])
        done, reason = mounted(tmp_path, 64, f"{command}; {listing}"), "No space left on device"
    else:
        pytest.skip("no small disk can be mounted here: the other one shows the same")
    assert "status 2" in done.stdout, done.stderr
    assert f"--out '{out}' cannot be written: {reason}" in done.stderr
    assert "Traceback" not in done.stderr
    left = done.stdout.rpartition("status 2")[2]
    assert "node.log" in left
    assert "results.json" not in left
    assert ".jpg" not in left

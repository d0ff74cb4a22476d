"""Processes of a soak that end in other ways than they should."""

from __future__ import annotations

import sys
import time

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

from pixelrefer_ros.demo.child_process import ChildProcess
from pixelrefer_ros.errors import CommandError
from pixelrefer_ros.soak import run

COUNTING = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: HANDLER)
print("SAID", flush=True)
while True:
    time.sleep(0.05)
"""


def counting(tmp_path, said: str, handler: str) -> ChildProcess:
    """Start a process that says something, and obeys the signal to end as told."""
    script = COUNTING.replace("HANDLER", handler).replace("SAID", said)
    process = ChildProcess("client 3", [sys.executable, "-c", script], tmp_path / "client_3.log")
    deadline = time.monotonic() + 30
    while not process.log.read_text() and time.monotonic() < deadline:
        time.sleep(0.05)
    return process


def test_what_was_counted_is_the_last_line(tmp_path):
    tell = """(os.write(1, b'{"requests": 2}\\n'), sys.exit())"""
    with counting(tmp_path, "a warning", tell) as process:
        assert run._end(process) == {"requests": 2}


@pytest.mark.parametrize(
    ("said", "handler"),
    [("a warning", "None"), ("a warning", "sys.exit()"), ("", "sys.exit()")],
)
def test_a_client_that_does_not_tell_its_counts_is_named(tmp_path, monkeypatch, said, handler):
    """Killed after its patience, or ended without a word."""
    monkeypatch.setattr(run, "ENDING_S", 1.0)
    with (
        counting(tmp_path, said, handler) as process,
        pytest.raises(CommandError) as error,
    ):
        run._end(process)
    assert "client 3 did not tell what it counted within 1 s" in str(error.value)
    assert "not answered" in str(error.value)
    assert str(error.value).endswith(said or "nothing")

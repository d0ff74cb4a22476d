"""A minute under load: the command, its figures and its verdict."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pixelrefer_ros.soak.cameras import CAMERAS, RATE_HZ

pytest.importorskip("rclpy", reason="needs ROS 2")
ROOT = Path(__file__).resolve().parents[2]

PATIENCE_S = 30.0
"""A client takes what comes later for lost."""

TRIES = 3
LOST = 0.01
"""Share of the frames that may be lost besides those of the time in which the node was seen kept
from a processor: not all pauses of a computer that others use are seen from here."""


def soak(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pixelrefer_ros.cli", "soak", *arguments],
        cwd=ROOT,
        timeout=600,
        capture_output=True,
        text=True,
        check=False,
    )


def faults(done: subprocess.CompletedProcess[str], out: Path) -> list[str]:
    """List what is wrong with a minute, however the computer fared."""
    if not done.stdout:
        return [done.stderr]
    figures = json.loads(done.stdout)
    lost = figures["frames_sent"] - figures["frames_received"]
    starved = len(CAMERAS) * RATE_HZ * figures["starved_s"]
    questions = figures["requests"] - figures["tracks"]
    right = {
        "status": done.returncode == bool(figures["problems"]),
        "said": all(problem in done.stderr for problem in figures["problems"]),
        "requests": figures["requests"] == figures["answered"] > 30,
        "tracks": figures["tracks"] > 0,
        "results": 0.9 * questions < figures["results"] <= questions,
        "answers": figures["by_code"].get("NONE", 0) > 20,
        "latency": 0 < figures["p50_s"] <= figures["p95_s"] < PATIENCE_S,
        "frames": figures["frames_sent"] > 1000,
        "lost": 0 <= lost <= LOST * figures["frames_sent"] + starved,
        "logs": {path.name for path in out.iterdir()} >= {"node.log", "client_3.log"},
    }
    wrong = [f"{name}: {figures}" for name, is_right in right.items() if not is_right]
    return wrong + [said for said in figures["problems"] if "frames were lost" not in said]


def test_a_minute_of_cameras_and_clients_loses_no_answer_and_leaves_nothing_behind(tmp_path):
    for attempt in range(TRIES):
        out = tmp_path / str(attempt)
        done = soak("--minutes", "1", "--clients", "4", "--json", "--out", str(out))
        if not (wrong := faults(done, out)):
            break
    assert wrong == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--minutes", "0"], "'0' is not a number above 0"),
        (["--clients", "none"], "'none' is not a whole number"),
        (["--model", "nowhere"], "nowhere"),
    ],
)
def test_what_cannot_be_run_is_said_in_one_line(arguments, message):
    done = soak(*arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1

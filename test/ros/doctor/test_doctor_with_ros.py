"""The command as it is typed, with ROS and a camera."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
TOPIC = "/camera/image_raw"


def test_the_command_checks_the_link_and_the_cameras(processes):
    processes.camera("--rate", "10", "--topic", TOPIC)
    done = subprocess.run(
        [sys.executable, "-m", "pixelrefer_ros.cli", "doctor", "--json", "--model", "random-tiny",
         "--topic", TOPIC.removeprefix("/"), "--topic", "/absent"],
        cwd=ROOT, timeout=300, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout, done.stderr
    report = json.loads(done.stdout)
    findings = {finding["what"]: finding for finding in report["findings"]}
    assert "ROS 2" not in findings, "nothing was left out"
    assert findings["discovery"]["level"] == "ok"
    assert findings["Fast DDS profile"]["found"].endswith("config/fastdds.xml")
    for size in ("640x480", "1920x1080"):
        link = findings[f"{size} images between processes"]
        assert " of 45 came back at 30 Hz" in link["found"]
        assert "damaged" not in link["found"]
    assert findings[TOPIC]["level"] == "ok"
    assert "rgb8, 160 x 120" in findings[TOPIC]["found"]
    assert findings["/absent"]["level"] == "error"
    assert f"image topics to be seen: {TOPIC}" in findings["/absent"]["cure"]
    assert (report["ok"], done.returncode) == (False, 1)

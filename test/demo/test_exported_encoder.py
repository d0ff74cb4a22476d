"""The whole demo with the vision encoder of the shipped model in another runtime."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")
for package in ("onnx", "onnxscript", "onnxruntime"):
    pytest.importorskip(package)

ROOT = Path(__file__).resolve().parents[2]
MODEL = "pixelrefer-lite-tabletop"


def pixelrefer(*arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pixelrefer_ros.cli", *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def answers(out: Path, *options: str) -> list[tuple[str, int, str]]:
    """Run the demo; return question, error code and answer of each entry."""
    pixelrefer("demo", "--model", MODEL, "--out", str(out), *options)
    results = json.loads((out / "results.json").read_text())
    return [(one["prompt"], one["error_code"], one["text"]) for one in results]


def test_the_shipped_model_answers_the_same_in_onnx_runtime(tmp_path):
    encoder = tmp_path / "encoder"
    pixelrefer("export", "--format", "onnx", "--model", MODEL, "--out", str(encoder))
    exported = ("--encoder-backend", "onnxruntime", "--encoder-path", str(encoder))
    found = answers(tmp_path / "onnxruntime", *exported)
    assert len(found) > 10
    assert all(error_code == 0 for _, error_code, _ in found), found
    assert found == answers(tmp_path / "torch")

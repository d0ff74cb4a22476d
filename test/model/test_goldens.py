from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file
from verify_goldens import verify

SCRIPT = Path(__file__).resolve().parents[1] / "verify_goldens.py"


@pytest.mark.parametrize("name", ["lite_tiny", "full_tiny"])
def test_every_stage_agrees_with_the_recorded_one(goldens, name):
    report = verify(goldens / name)
    stages = report.stages
    assert {k: stage.worst for k, stage in stages.items() if not stage.passed} == {}
    assert report.not_compared == []
    assert stages["generated ids"].compared >= 2


def test_the_script_reports_a_difference(goldens, tmp_path):
    folder = Path(shutil.copytree(goldens / "full_tiny", tmp_path / "changed"))
    weights = folder / "checkpoint" / "model.safetensors"
    tensors = load_file(weights)
    tensors["model.region_encoder.pos_linear.bias"] += 0.01
    save_file(tensors, weights)
    result = subprocess.run(
        [sys.executable, str(SCRIPT), str(folder)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1, result.stderr
    lines = {line.split("  ")[0]: line for line in result.stdout.splitlines()}
    assert lines["position"].endswith("ok")
    assert "FAILED at d_video_one_region: mask0.selected_tokens" in lines["selected tokens"]

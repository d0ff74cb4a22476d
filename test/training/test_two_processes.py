"""Two processes make the steps that one makes, also after a kill."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
import yaml
from drawn_shapes import settings, write_shapes

from pixelrefer_ros.training.configuration import read_config
from pixelrefer_ros.training.logs import read_log

pytest.importorskip("accelerate")
pytest.importorskip("matplotlib")
import psutil  # comes with accelerate

from pixelrefer_ros.training.trainer import Trainer

STEPS, KILLED_AFTER = 40, 12
ENVIRONMENT = {**os.environ, "ACCELERATE_USE_CPU": "1", "OMP_NUM_THREADS": "1"}


def write_config(shapes: Path, name: str) -> Path:
    data = {"files": [{"path": str(shapes)}], "workers": 0, "box_share": 0.5}
    length = {"steps": STEPS, "save_every": 5, "keep": 1}
    path = shapes.parent / f"{name}.yaml"
    path.write_text(yaml.safe_dump(settings(shapes, shapes.parent / name, data=data, **length)))
    return path


def start(config: Path, *options: str) -> subprocess.Popen[bytes]:
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command = ["--nproc_per_node", "2", "-m", "pixelrefer_ros.cli", "train", str(config), *options]
    return subprocess.Popen(
        [*torchrun, *command], env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def start_and_kill_one(config: Path, log: Path) -> None:
    """Kill one of the two processes in the middle; the other one ends with it."""
    run = start(config)
    processes = psutil.Process(run.pid)
    deadline = time.monotonic() + 600
    while len(read_log(log)) < KILLED_AFTER and run.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    with suppress(psutil.NoSuchProcess):
        for process in processes.children()[-1:]:
            process.kill()
    run.wait(600)


def test_two_processes_learn_as_one_does_also_after_a_kill(tmp_path):
    shapes = write_shapes(tmp_path, 12)
    Trainer(read_config(write_config(shapes, "one")), resume=False).run()
    for name in ("two", "two2", "two3"):  # a run may end first where the computer stalls
        config, log = write_config(shapes, name), tmp_path / name / "log.csv"
        start_and_kill_one(config, log)
        if len(read_log(log)) < STEPS:
            break
    assert KILLED_AFTER <= len(read_log(log)) < STEPS
    assert start(config, "--resume").wait(600) == 0
    one, two = read_log(tmp_path / "one" / "log.csv"), read_log(log)
    assert [entry.step for entry in two] == list(range(1, STEPS + 1))
    assert [e.loss for e in two] == pytest.approx([e.loss for e in one], rel=1e-3)
    assert [e.samples for e in two] == [e.samples for e in one]
    assert one[-1].loss < one[0].loss
    assert (log.parent / "model" / "model.safetensors").is_file()

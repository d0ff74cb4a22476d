"""Checks of Python, processor, GPU and drawing."""

from __future__ import annotations

import pytest
import torch

from pixelrefer_ros.doctor.computer import available_memory, check_computer, check_threads
from pixelrefer_ros.doctor.cuda import check_cuda
from pixelrefer_ros.doctor.finding import Level
from pixelrefer_ros.doctor.python import check_python
from pixelrefer_ros.doctor.rendering import check_rendering


def test_an_old_python_is_an_error():
    [fine] = check_python()
    [old] = check_python((3, 9))
    assert (fine.level, old.level) == (Level.OK, Level.ERROR)
    assert old.cure == "use Python 3.10 or later"


@pytest.mark.parametrize(
    ("threads", "load", "level", "cure"),
    [
        (4, 0.5, Level.OK, ""),
        (8, 0.5, Level.WARN, "OMP_NUM_THREADS to at most 4"),
        (4, 7.0, Level.WARN, "answers come late"),
    ],
)
def test_threads_against_cores(threads, load, level, cure):
    finding = check_threads(4, threads, load)
    assert finding.level is level
    assert cure in finding.cure
    assert f"4 cores, torch takes {threads} threads" in finding.found


def test_this_computer_has_cores_memory_and_disk():
    names = [finding.what for finding in check_computer()]
    assert names[:3] == ["cores", "memory", "disk"]
    assert available_memory() > 10**8


@pytest.mark.skipif(torch.cuda.is_available(), reason="for machines without a GPU that torch sees")
def test_a_driver_without_a_fitting_torch_is_told(tmp_path):
    [none] = check_cuda((tmp_path / "nothing",))
    assert none.level is Level.INFO
    sign = tmp_path / "version"
    sign.touch()
    [unused] = check_cuda((sign,))
    assert unused.level is Level.WARN
    assert f"torch {torch.__version__}" in unused.found


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_gpus_are_named():
    findings = list(check_cuda())
    assert len(findings) == torch.cuda.device_count()
    assert all(finding.level is Level.OK for finding in findings)


def test_drawing_fails_in_a_process_of_its_own():
    [drawn] = check_rendering("print('osmesa')")
    assert (drawn.level, drawn.found) == (Level.OK, "without a screen, by osmesa")
    [refused] = check_rendering("raise SystemExit('no library')")
    assert (refused.level, "no library" in refused.cure) == (Level.INFO, True)
    [killed] = check_rendering("import os; os.abort()")
    assert "exit status -6" in killed.cure

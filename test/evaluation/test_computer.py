from __future__ import annotations

import platform

import numpy as np
import torch

from pixelrefer_ros.evaluation.computer import Computer, peak_memory_mb


def test_it_says_what_it_runs_on():
    found = Computer.of_device(torch.device("cpu"))
    assert found.device == "cpu"
    assert found.processor
    assert found.cores >= 1
    assert found.threads == torch.get_num_threads()
    assert found.torch_version == torch.__version__
    assert found.python_version == platform.python_version()


def test_the_peak_of_memory_stays_after_memory_is_given_back():
    before = peak_memory_mb()
    held = np.ones(50_000_000)  # 400 MB
    during = peak_memory_mb()
    assert during > 400
    del held
    assert peak_memory_mb() >= during >= before

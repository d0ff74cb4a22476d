from __future__ import annotations

import sys

import numpy as np
import pytest
import torch

from pixelrefer_ros.evaluation.peak_memory import PeakMemory


def test_the_peak_stays_after_memory_is_given_back():
    memory = PeakMemory(torch.device("cpu"))
    held = np.ones(50_000_000)  # 400 MB
    during = memory.bytes()
    assert during > 400e6
    del held
    assert memory.bytes() > during - 10e6  # the kernel counts in lots


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux lets the mark sink")
def test_a_restart_forgets_what_was():
    memory = PeakMemory(torch.device("cpu"))
    held = np.ones(50_000_000)
    before = memory.bytes()
    del held
    memory.restart()
    assert memory.bytes() < before - 300e6

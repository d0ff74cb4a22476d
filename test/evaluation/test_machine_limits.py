from __future__ import annotations

import torch

from pixelrefer_ros.evaluation.machine_limits import measure_limits


def test_rates_are_those_of_a_computer():
    found = measure_limits(torch.device("cpu"), torch.float32)
    assert 1e8 < found.matmul_flops_per_s < 1e14
    assert 1e8 < found.copy_bytes_per_s < 1e13

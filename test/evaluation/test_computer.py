from __future__ import annotations

import platform

import torch

from pixelrefer_ros.evaluation.computer import Computer


def test_it_says_what_it_runs_on():
    found = Computer.of_device(torch.device("cpu"))
    assert found.device == "cpu"
    assert found.processor
    assert found.cores >= 1
    assert found.threads == torch.get_num_threads()
    assert found.torch_version == torch.__version__
    assert found.python_version == platform.python_version()

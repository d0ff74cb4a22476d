from __future__ import annotations

import subprocess
import sys

import torch
from safetensors.torch import load_file

from pixelrefer_ros.model.checkpoint import WEIGHTS_FILE
from pixelrefer_ros.model.pixelrefer import PixelRefer


def test_the_shipped_model_is_what_the_command_writes(tiny_model_path, tmp_path):
    subprocess.run(
        [sys.executable, "-m", "pixelrefer_ros.model.random_model", str(tmp_path / "made")],
        cwd=tiny_model_path.parents[1],
        check=True,
    )
    for path in tiny_model_path.iterdir():
        made = tmp_path / "made" / path.name
        if path.suffix != ".safetensors":
            assert made.read_bytes() == path.read_bytes(), path.name
    # Random numbers may differ in the last digit from one processor to another.
    shipped, made = (load_file(f / WEIGHTS_FILE) for f in (tiny_model_path, tmp_path / "made"))
    assert shipped.keys() == made.keys()
    for name, tensor in shipped.items():
        torch.testing.assert_close(made[name], tensor, atol=1e-6, rtol=1e-5)


def test_the_shipped_model_is_small(tiny_model_path):
    assert sum(path.stat().st_size for path in tiny_model_path.iterdir()) < 1_500_000


def test_seeds_differ(tiny_model, random_model):
    other = random_model(seed=1)
    assert not other.projector[0].weight.equal(tiny_model.projector[0].weight)
    assert isinstance(other, PixelRefer)
    assert other.model_id.endswith("(random weights)")

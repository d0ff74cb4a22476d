"""The model: is the folder whole, does it fit into memory, was it trained at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch

from pixelrefer_ros.doctor.computer import available_memory
from pixelrefer_ros.doctor.finding import Finding, Level
from pixelrefer_ros.errors import CheckpointError
from pixelrefer_ros.model import checkpoint
from pixelrefer_ros.model.configuration import PixelReferConfig
from pixelrefer_ros.model.pixelrefer import PixelRefer
from pixelrefer_ros.model.tokenizer import load_tokenizer
from pixelrefer_ros.report import noise_notice
from pixelrefer_ros.resources import find_model

WHAT = "model"


def check_model(name: str, memory: int | None = None) -> Iterator[Finding]:
    """Compare all tensors of a folder with its config.json as loading does, by their headers alone.

    name: as of the parameter `model.path`; memory: bytes available, this computer's if None.
    """
    try:
        folder, model_id = checkpoint.find_folder(find_model(name), revision=None, download=False)
        config = PixelReferConfig.from_folder(folder)
        with torch.device("meta"):
            model = PixelRefer(config, load_tokenizer(folder), model_id)
        shapes = {name: tensor.shape for name, tensor in model.official_tensors().items()}
        next(checkpoint.read_tensors(folder, shapes))  # checks all before it reads the first
    except CheckpointError as error:
        cure = "name another with --model, or fetch it again: models/README.md"
        yield Finding(Level.ERROR, WHAT, str(error), cure)
        return
    count = sum(shape.numel() for shape in shapes.values())
    nbytes = count * config.dtype.itemsize
    dtype = str(config.dtype).removeprefix("torch.")
    found = f"{model.model_id}: {count / 1e6:.1f} million weights in {dtype}, {nbytes / 1e9:.2f} GB"
    if notice := noise_notice(model.model_id):
        yield Finding(Level.WARN, WHAT, found, notice)
    else:
        yield Finding(Level.OK, WHAT, found)
    yield Finding(Level.OK, "model folder", str(Path(folder).resolve()))
    memory = available_memory() if memory is None else memory
    on_cpu = not torch.cuda.is_available()
    needed = count * torch.float32.itemsize if on_cpu else nbytes
    if memory is not None and needed > memory:
        yield Finding(
            Level.ERROR,
            "memory for the model",
            f"it needs {needed / 1e9:.1f} GB, {memory / 1e9:.1f} GB are free",
            "choose a smaller model, or model.dtype bfloat16",
        )

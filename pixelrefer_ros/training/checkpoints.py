"""Checkpoints: a PixelRefer folder that can be asked, and what a run needs to go on from it.

`checkpoint-<step>/` holds the weights in float32, `optimiser.safetensors` with the moments of
the optimisers by the names of the weights, `objective.safetensors` with a head of pre-training
where there is one, `progress.json` and `configuration.json`. Nothing is pickled. A folder gets its
name once it is complete.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_optimizer_state_dict,
    set_optimizer_state_dict,
)

from pixelrefer_ros.errors import CheckpointError
from pixelrefer_ros.model.json_files import read_json, write_json
from pixelrefer_ros.model.pixelrefer import PixelRefer
from pixelrefer_ros.training.configuration import TrainingConfig
from pixelrefer_ros.training.objective import Objective
from pixelrefer_ros.training.resuming import write_configuration

NETWORK = "model."
CHECKPOINT = "checkpoint-"
# Gathered from all processes, to the memory of the computer: also what FSDP has cut up.
WHOLE = StateDictOptions(full_state_dict=True, cpu_offload=True)


@dataclass(frozen=True)
class Progress:
    """How far a run has come: finished steps, samples drawn, and those of no use among them."""

    step: int = 0
    samples: int = 0
    bad_samples: int = 0


def newest_checkpoint(output: Path) -> Path | None:
    """Return the checkpoint of the latest step, None if there is none."""
    return next(reversed(_checkpoints(output)), None)


def weights(objective: nn.Module) -> dict[str, torch.Tensor]:
    """Return all weights on the first process; every process must call this."""
    state: dict[str, Any] = get_model_state_dict(objective, options=WHOLE)
    return state


def network_weights(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return what belongs to the PixelRefer network, by its own names."""
    return {k.removeprefix(NETWORK): v for k, v in state.items() if k.startswith(NETWORK)}


def save_checkpoint(
    output: Path,
    model: PixelRefer,
    objective: nn.Module,
    optimisers: Sequence[torch.optim.Optimizer],
    progress: Progress,
    config: TrainingConfig,
    records: int,
    *,
    is_main: bool,
) -> None:
    """Write `checkpoint-<step>` and remove all but the newest ones; every process calls this."""
    state = weights(objective)
    moments: Any = get_optimizer_state_dict(objective, optimisers, options=WHOLE).get("state")
    if not is_main:
        return
    folder = output / f"{CHECKPOINT}{progress.step}"
    unfinished = output / f"unfinished-{progress.step}"
    shutil.rmtree(unfinished, ignore_errors=True)
    model.save_pretrained(unfinished, network_weights(state))
    flat = {f"{name}/{k}": v for name in moments for k, v in moments[name].items()}
    save_file({k: v.contiguous() for k, v in flat.items()}, unfinished / "optimiser.safetensors")
    others = {k: v.contiguous() for k, v in state.items() if not k.startswith(NETWORK)}
    save_file(others, unfinished / "objective.safetensors")
    write_json(unfinished / "progress.json", asdict(progress))
    write_configuration(unfinished, config, records)
    shutil.rmtree(folder, ignore_errors=True)
    unfinished.rename(folder)
    for path in _checkpoints(output)[: -config.keep]:
        shutil.rmtree(path)


def read_progress(folder: Path) -> Progress:
    """Read how far the run of a checkpoint had come. Raises `CheckpointError`."""
    path = folder / "progress.json"
    if not path.is_file():
        raise CheckpointError(f"{path} is missing")
    try:
        return Progress(**read_json(path))
    except TypeError as error:
        raise CheckpointError(f"{path}: {error}") from error


def load_head(folder: Path, objective: Objective) -> None:
    """Load what of an objective lies outside the network, before it is prepared for devices."""
    objective.load_state_dict(_read(folder / "objective.safetensors"), strict=False)


def load_moments(
    folder: Path, objective: nn.Module, optimisers: Sequence[torch.optim.Optimizer]
) -> None:
    """Load the state of the optimisers; every process calls this. Raises `CheckpointError`."""
    options = StateDictOptions(full_state_dict=True)
    whole: dict[str, Any] = get_optimizer_state_dict(objective, optimisers, options=options)
    moments: dict[str, dict[str, torch.Tensor]] = {}
    for key, tensor in _read(folder / "optimiser.safetensors").items():
        name, _, kind = key.rpartition("/")
        moments.setdefault(name, {})[kind] = tensor
    whole["state"] = moments
    set_optimizer_state_dict(objective, optimisers, whole, options=options)


def _checkpoints(output: Path) -> list[Path]:
    """Return the checkpoints of a run in the order of their steps, and no other folders."""
    steps = {
        int(path.name.removeprefix(CHECKPOINT)): path
        for path in output.glob(f"{CHECKPOINT}[0-9]*")
        if path.name.removeprefix(CHECKPOINT).isdecimal()
    }
    return [steps[step] for step in sorted(steps)]


def _read(path: Path) -> dict[str, torch.Tensor]:
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path}: not readable: {error}") from error

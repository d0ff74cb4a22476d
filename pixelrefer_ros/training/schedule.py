"""Learning rates: which part of the network learns how fast, and when."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields

import torch
from torch import nn

from pixelrefer_ros.errors import CommandError

PARTS: Mapping[str, tuple[str, ...]] = {
    "vision_encoder": ("vision_encoder.",),
    "projector": ("projector.",),
    "object_encoder": ("object_tokenizer.", "object_infusion.", "region_projector."),
    "language_model": ("language_model.",),
}


@dataclass(frozen=True)
class Rates:
    """Highest learning rate of each part; a part at 0 is frozen.

    object_encoder: SAOT, OCI and the MLP behind them.
    """

    vision_encoder: float
    projector: float
    object_encoder: float
    language_model: float

    def __post_init__(self) -> None:
        """Raise `CommandError` for a rate that is negative or not finite."""
        for field in fields(self):
            rate = getattr(self, field.name)
            if not 0 <= rate < math.inf:
                raise CommandError(f"{field.name} is {rate}, must be a finite number from 0")


def rate_factor(step: int, steps: int, warm_up: float) -> float:
    """Return the share of the highest rate at a step counted from 0.

    It rises linearly over the first `warm_up` (a share of all steps) and then follows half a
    cosine down to 0, which it would reach one step after the last.
    """
    rising = math.ceil(warm_up * steps)
    if step < rising:
        return (step + 1) / rising
    return 0.5 * (1 + math.cos(math.pi * (step - rising) / max(steps - rising, 1)))


def freeze(model: nn.Module, rates: Rates, *, is_lite: bool) -> None:
    """Stop the gradients of parts at rate 0, and of what has no influence on the answers."""
    for name, parameter in model.named_parameters():
        part = part_of(name)
        idle = part is None or (is_lite and part == "projector")
        parameter.requires_grad_(not idle and getattr(rates, part or "projector") > 0)


def make_optimiser(objective: nn.Module, rates: Rates, weight_decay: float) -> torch.optim.AdamW:
    """Return AdamW with two groups, with and without decay, for each part that learns.

    Each group keeps its highest rate as `highest`. What is not in the network itself, such as a
    head for pre-training, learns at the rate of the vision encoder it belongs to.
    Raises `CommandError` if nothing learns.
    """
    groups = [
        {"params": parameters, "highest": rate, "lr": rate, "weight_decay": decay, "part": part}
        for part, rate, decay, parameters in _groups(objective, rates, weight_decay)
    ]
    if not groups:
        raise CommandError("rates: nothing learns, all parts are at 0")
    return torch.optim.AdamW(groups)


def set_rates(optimiser: torch.optim.Optimizer, factor: float) -> dict[str, float]:
    """Set every group to a share of its highest rate; return the rates by part."""
    for group in optimiser.param_groups:
        group["lr"] = factor * group["highest"]
    return {group["part"]: group["lr"] for group in optimiser.param_groups}


def part_of(name: str) -> str | None:
    """Return the part of the network a parameter of `PixelRefer` belongs to."""
    for part, prefixes in PARTS.items():
        if name.startswith(prefixes):
            return part
    return None


def _groups(
    objective: nn.Module, rates: Rates, weight_decay: float
) -> Iterator[tuple[str, float, float, list[nn.Parameter]]]:
    learning = [(n, p) for n, p in objective.named_parameters() if p.requires_grad]
    for field in fields(rates):
        rate = getattr(rates, field.name)
        members = [
            parameter
            for name, parameter in learning
            if (part_of(name.partition("model.")[2]) or "vision_encoder") == field.name
        ]
        # Biases and the weights of norms are not pulled towards zero.
        matrices = [parameter for parameter in members if parameter.ndim > 1]
        others = [parameter for parameter in members if parameter.ndim <= 1]
        for decay, chosen in ((weight_decay, matrices), (0.0, others)):
            if chosen:
                yield field.name, rate, decay, chosen

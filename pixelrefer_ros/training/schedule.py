"""Learning rates: which part of the network learns how fast, and when."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import nn

from pixelrefer_ros.errors import CommandError

PARTS: Mapping[str, tuple[str, ...]] = {
    "vision_encoder": ("vision_encoder.",),
    "projector": ("projector.",),
    "object_encoder": ("object_tokenizer.", "object_infusion.", "region_projector."),
    "language_model": ("language_model.",),
}

ENDS = ("embed_tokens.", "lm_head.", "object_tokenizer.position.", "head.")
"""Matrices that read or write what is no feature: Muon is not for them."""


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


def make_optimisers(
    objective: nn.Module, rates: Rates, weight_decay: float, muon: float = 0.0
) -> list[torch.optim.Optimizer]:
    """Return AdamW, and Muon before it where `muon` is above 0.

    Muon (torch.optim.Muon) then teaches the matrices within the network, at `muon` times the rate
    of their part; embeddings, what reads two coordinates, heads, biases and norms stay with AdamW.
    Both have groups with and without decay for each part that learns, each of which keeps its
    highest rate as `highest`. What is not in the network itself, such as a head for pre-training,
    learns at the rate of the vision encoder it belongs to.
    Raises `CommandError` if nothing learns.
    """
    groups = list(_groups(objective, rates, weight_decay, muon))
    if not groups:
        raise CommandError("rates: nothing learns, all parts are at 0")
    by_muon = [group for is_within, group in groups if is_within]
    others = [group for is_within, group in groups if not is_within]
    # An update of Muon is made as large as one of AdamW, so that one rate is meant for both.
    optimisers: list[torch.optim.Optimizer] = []
    if by_muon:
        optimisers.append(torch.optim.Muon(by_muon, adjust_lr_fn="match_rms_adamw"))
    if others:
        optimisers.append(torch.optim.AdamW(others))
    return optimisers


def set_rates(optimisers: Iterable[torch.optim.Optimizer], factor: float) -> dict[str, float]:
    """Set every group to a share of its highest rate; return the rates by part, those of AdamW."""
    groups = [group for optimiser in optimisers for group in optimiser.param_groups]
    for group in groups:
        group["lr"] = factor * group["highest"]
    return {group["part"]: group["lr"] for group in groups}


def part_of(name: str) -> str | None:
    """Return the part of the network a parameter of `PixelRefer` belongs to."""
    for part, prefixes in PARTS.items():
        if name.startswith(prefixes):
            return part
    return None


def _groups(
    objective: nn.Module, rates: Rates, weight_decay: float, muon: float
) -> Iterator[tuple[bool, dict[str, Any]]]:
    """Yield the groups of all that learns, and whether Muon teaches them."""
    learning = [(n, p) for n, p in objective.named_parameters() if p.requires_grad]
    for field in fields(rates):
        rate = getattr(rates, field.name)
        within, matrices, others = [], [], []
        for name, parameter in learning:
            if (part_of(name.partition("model.")[2]) or "vision_encoder") != field.name:
                continue
            # Biases and the weights of norms are not pulled towards zero.
            if parameter.ndim <= 1:
                others.append(parameter)
            elif muon and parameter.ndim == 2 and not any(e in name for e in ENDS):
                within.append(parameter)
            else:
                matrices.append(parameter)
        for is_within, chosen, highest, decay in (
            (True, within, muon * rate, weight_decay),
            (False, matrices, rate, weight_decay),
            (False, others, rate, 0.0),
        ):
            if chosen:
                values = {"highest": highest, "lr": highest, "weight_decay": decay}
                yield is_within, {"params": chosen, "part": field.name, **values}

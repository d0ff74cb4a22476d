"""Which objective a configuration trains, and on which parts of the network."""

from __future__ import annotations

from typing import Any

import torch

from pixelrefer_ros.model.pixelrefer import PixelRefer
from pixelrefer_ros.training.configuration import TrainingConfig
from pixelrefer_ros.training.feature_memory import FeatureMemory
from pixelrefer_ros.training.objective import AnswerObjective, Objective, WordObjective
from pixelrefer_ros.training.schedule import freeze

MEGABYTE = 1_000_000


def make_objective(
    config: TrainingConfig, model: PixelRefer, memory: FeatureMemory | None = None
) -> Objective:
    """Return what is trained, with everything frozen that does not learn."""
    freeze(model, config.rates, is_lite=model.config.is_lite)
    if config.gradient_checkpointing:
        for network in (model.language_model, model.vision_encoder):
            enable: Any = network.gradient_checkpointing_enable
            enable({"use_reentrant": False})
    if config.objective == "words":
        with torch.random.fork_rng():
            torch.manual_seed(config.seed)
            return WordObjective(model)
    if memory is None and config.feature_memory:
        memory = FeatureMemory(config.feature_memory * MEGABYTE)
    return AnswerObjective(model, config.weighting, memory, config.naming)

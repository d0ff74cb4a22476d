"""The network in which the reference path answers beside a describer of quantised weights."""

from __future__ import annotations

from functools import partial

from pixelrefer_ros.engine.loading import load_model
from pixelrefer_ros.engine.thread_pools import compute_apart
from pixelrefer_ros.evaluation.random_describer import draw_model
from pixelrefer_ros.model.pixelrefer import PixelRefer


def load_plain_model(name: str, *, is_drawn: bool, device: str, dtype: str) -> PixelRefer:
    """Load weights as they are, in a type.

    name: a model folder or, for weights that are drawn, one of `model.random_weights.CONFIGS`.
    Raises `CheckpointError` or `DeviceError`.
    """
    load = draw_model if is_drawn else load_model
    return compute_apart(partial(load, name, device=device, dtype=dtype))

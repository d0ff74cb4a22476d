"""A describer of random weights, to measure a size without having its weights."""

from __future__ import annotations

from functools import partial

from pixelrefer_ros.engine.describer import Describer
from pixelrefer_ros.engine.device import resolve_device, resolve_dtype
from pixelrefer_ros.engine.encoders.choice import use_encoder_backend
from pixelrefer_ros.engine.thread_pools import compute_apart
from pixelrefer_ros.engine.weight_quantization import resolve_quantization
from pixelrefer_ros.model.pixelrefer import PixelRefer
from pixelrefer_ros.model.random_weights import make_random_model


def make_random_describer(
    name: str, *, device: str, dtype: str, quantization: str, max_regions: int
) -> Describer:
    """Start a describer of a network of `draw_model`. Raises `DeviceError`."""
    draw = partial(draw_model, name, device=device, dtype=dtype, quantization=quantization)
    return Describer(compute_apart(draw), max_regions=max_regions)


def draw_model(name: str, *, device: str, dtype: str, quantization: str = "none") -> PixelRefer:
    """Draw a network of the dimensions `name` on the device, always the same, ready to answer.

    name: one of `model.random_weights.CONFIGS`. Raises `DeviceError`.
    """
    where = resolve_device(device)
    number_type = resolve_dtype(dtype, where)
    weights = resolve_quantization(quantization, where, number_type)
    model = make_random_model(name, device=where, dtype=number_type)
    use_encoder_backend(model, "torch", "")
    weights.apply(model)
    return model

"""From the options that name a model to a network ready to answer."""

from __future__ import annotations

from pixelrefer_ros.engine.device import resolve_device, resolve_dtype
from pixelrefer_ros.engine.encoders.choice import use_encoder_backend
from pixelrefer_ros.engine.weight_quantization import resolve_quantization
from pixelrefer_ros.model.pixelrefer import PixelRefer


def load_model(
    name_or_path: str,
    *,
    device: str = "auto",
    dtype: str = "auto",
    quantization: str = "none",
    download: bool = False,
    encoder_backend: str = "torch",
    encoder_path: str = "",
) -> PixelRefer:
    """Load a model folder or, with `download`, a hub id; see `Describer.from_pretrained`.

    Raises `CheckpointError`, `DeviceError` or, for an encoder of no use, `ExportError`.
    """
    where = resolve_device(device)
    number_type = resolve_dtype(dtype, where)
    weights = resolve_quantization(quantization, where, number_type)
    model = PixelRefer.from_pretrained(
        name_or_path, device=where, dtype=number_type, download=download
    )
    use_encoder_backend(model, encoder_backend, encoder_path or name_or_path)
    weights.apply(model)
    return model

"""The engine as the parameters want it."""

from __future__ import annotations

from pixelrefer_ros.engine.describer import Describer
from pixelrefer_ros.engine.weight_quantization import weight_types
from pixelrefer_ros.ros.parameters import Settings


def load_engine(path: str, settings: Settings) -> Describer:
    """Load the model in folder `path` and start its worker.

    Raises `PixelReferError` or `ValueError` saying what is of no use.
    """
    return Describer.from_pretrained(
        path,
        device=settings.device,
        dtype=settings.dtype,
        quantization=settings.quantization,
        encoder_backend=settings.encoder_backend,
        encoder_path=settings.encoder_path,
        queue_size=settings.queue_size,
        queue_bytes=settings.queue_megabytes * 10**6,
        max_batch=settings.max_batch,
        max_regions=settings.max_regions * settings.max_frames,
        max_new_tokens=settings.max_new_tokens,
        feature_cache_bytes=settings.encoder_cache_megabytes * 10**6,
        batch_window=settings.batch_window,
        watchdog=settings.watchdog,
    )


def apply_limits(engine: Describer, settings: Settings) -> None:
    """Let what may be set at run time take effect."""
    engine.change_limits(
        queue_size=settings.queue_size,
        queue_bytes=settings.queue_megabytes * 10**6,
        max_regions=settings.max_regions * settings.max_frames,
        max_new_tokens=settings.max_new_tokens,
        feature_cache_bytes=settings.encoder_cache_megabytes * 10**6,
        batch_window=settings.batch_window,
    )


def name_engine(engine: Describer) -> str:
    """Say which model runs where, for the log."""
    model = engine.model
    return f"model {model.model_id}, {weight_types(model)} on {model.language_model.device}"

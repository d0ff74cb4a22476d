"""A small PixelRefer-Lite, for models trained from nothing."""

from __future__ import annotations

from transformers import Qwen2Config, VideoLlama3VisionConfig

from pixelrefer_ros.model.compatibility import Framework
from pixelrefer_ros.model.configuration import PixelReferConfig


def small_config(
    *,
    vision_width: int,
    vision_layers: int,
    vision_heads: int,
    language_width: int,
    language_layers: int,
    language_heads: int,
    language_key_heads: int,
    region_tokens: int,
    vocabulary: int,
    max_sequence_length: int = 4096,
) -> PixelReferConfig:
    """Return the configuration of a small PixelRefer-Lite, computing as the paper prints it.

    vocabulary: rows of the embedding, the control tokens among them.
    """
    return PixelReferConfig(
        framework=Framework.OBJECT_ONLY,
        language=Qwen2Config(
            vocab_size=vocabulary,
            hidden_size=language_width,
            intermediate_size=3 * language_width,
            num_hidden_layers=language_layers,
            num_attention_heads=language_heads,
            num_key_value_heads=language_key_heads,
            max_position_embeddings=max_sequence_length,
            rope_parameters={"rope_theta": 1e4, "rope_type": "default"},
            tie_word_embeddings=True,
            initializer_range=_spread(language_width),
        ),
        vision=VideoLlama3VisionConfig(
            hidden_size=vision_width,
            intermediate_size=4 * vision_width,
            num_hidden_layers=vision_layers,
            num_attention_heads=vision_heads,
            patch_size=14,
            initializer_range=_spread(vision_width),
        ),
        region_tokens=region_tokens,
        compat="paper",
    )


def _spread(width: int) -> float:
    """Return the deviation linear layers start with in torch; 0.02 is for wide networks."""
    return float((3 * width) ** -0.5)

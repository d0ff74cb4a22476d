"""The dimensions of the four released models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from transformers import Qwen2Config, VideoLlama3VisionConfig

from pixelrefer_ros.model.compatibility import Framework
from pixelrefer_ros.model.configuration import PUBLISHED_VISION_ENCODER, PixelReferConfig

LANGUAGE_MODELS: Mapping[str, Mapping[str, Any]] = {
    "2B": {  # Qwen2.5-1.5B
        "vocab_size": 151936,
        "hidden_size": 1536,
        "intermediate_size": 8960,
        "num_hidden_layers": 28,
        "num_attention_heads": 12,
        "num_key_value_heads": 2,
        "tie_word_embeddings": True,
    },
    "7B": {  # Qwen2.5-7B
        "vocab_size": 152064,
        "hidden_size": 3584,
        "intermediate_size": 18944,
        "num_hidden_layers": 28,
        "num_attention_heads": 28,
        "num_key_value_heads": 4,
        "tie_word_embeddings": False,
    },
}


def official_config(framework: Framework, size: str) -> PixelReferConfig:
    """Return the configuration of a released model; `size` is `2B` or `7B`.

    The number of rows of a released embedding depends on its tokenizer: read it from the file.
    """
    return PixelReferConfig(
        framework=framework,
        language=Qwen2Config(
            **LANGUAGE_MODELS[size],
            max_position_embeddings=32768,
            rms_norm_eps=1e-6,
            rope_parameters={"rope_theta": 1e6, "rope_type": "default"},
        ),
        vision=VideoLlama3VisionConfig(**PUBLISHED_VISION_ENCODER),
        region_tokens=32,
        max_prompt_tokens=16384,
        dtype=torch.bfloat16,
    )

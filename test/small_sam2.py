"""SAM 2 as it is built, small and with random weights, saved as its weights are published."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import Sam2Config, Sam2Model, Sam2VideoConfig, Sam2VideoModel

SIDE = 128


def vision() -> dict:
    return {
        "model_type": "sam2_vision_model",
        "backbone_config": {
            "model_type": "sam2_hiera_det_model",
            "hidden_size": 8,
            "num_attention_heads": 1,
            "image_size": [SIDE, SIDE],
            "blocks_per_stage": [1, 1, 2, 1],
            "embed_dim_per_stage": [8, 16, 32, 64],
            "num_attention_heads_per_stage": [1, 1, 2, 2],
            "window_size_per_stage": [8, 4, 8, 4],
            "global_attention_blocks": [3],
            "window_positional_embedding_background_size": [4, 4],
        },
        "backbone_channel_list": [64, 32, 16, 8],
        "backbone_feature_sizes": [[SIDE // 4] * 2, [SIDE // 8] * 2, [SIDE // 16] * 2],
    }


def parts() -> dict:
    return {
        "vision_config": vision(),
        "prompt_encoder_config": {"image_size": SIDE},
    }


def save_image_model(folder: Path) -> Path:
    torch.manual_seed(0)
    Sam2Model(Sam2Config(**parts())).save_pretrained(folder)
    return folder


def save_video_model(folder: Path) -> Path:
    torch.manual_seed(0)
    config = Sam2VideoConfig(
        **parts(),
        image_size=SIDE,
        memory_attention_rope_feat_sizes=[SIDE // 16] * 2,
        memory_attention_num_layers=1,
        max_object_pointers_in_encoder=4,
        num_maskmem=3,
    )
    Sam2VideoModel(config).save_pretrained(folder)
    return folder

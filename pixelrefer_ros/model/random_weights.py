"""Networks of the released dimensions with random weights: nothing to download, fit to time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import torch
from tokenizers import Tokenizer

from pixelrefer_ros.model.compatibility import Framework
from pixelrefer_ros.model.configuration import PixelReferConfig
from pixelrefer_ros.model.official import official_config
from pixelrefer_ros.model.pixelrefer import PixelRefer
from pixelrefer_ros.model.random_model import SENTENCES, train_tokenizer
from pixelrefer_ros.model.small import small_config

WORDS = 1200


def tabletop_config() -> PixelReferConfig:
    """Return the dimensions of the model that ships, as `config/training/tabletop_words.yaml`."""
    config = small_config(
        vision_width=192,
        vision_layers=4,
        vision_heads=6,
        language_width=192,
        language_layers=4,
        language_heads=6,
        language_key_heads=2,
        region_tokens=16,
        vocabulary=WORDS,
    )
    return replace(config, local_view_patches=8, global_view_patches=12)


CONFIGS: Mapping[str, Callable[[], PixelReferConfig]] = {
    "lite-2b": lambda: official_config(Framework.OBJECT_ONLY, "2B"),
    "lite-7b": lambda: official_config(Framework.OBJECT_ONLY, "7B"),
    "2b": lambda: official_config(Framework.VISION_OBJECT, "2B"),
    "7b": lambda: official_config(Framework.VISION_OBJECT, "7B"),
    "tabletop": tabletop_config,
}


def make_random_model(
    name: str, *, device: str | torch.device = "cpu", dtype: torch.dtype = torch.float32
) -> PixelRefer:
    """Make a network of the dimensions of `CONFIGS[name]`; raise `KeyError` for another name."""
    config = replace(CONFIGS[name](), dtype=dtype, random_weights=True)
    tokenizer = _tokenizer(int(config.language.vocab_size))
    return PixelRefer.with_random_weights(config, tokenizer, name, device=device)


def _tokenizer(rows: int) -> Tokenizer:
    """Learn a few words, and give every further row of the embedding a name of its own.

    A random network says any of them, and answers are compared by their words.
    """
    tokenizer = train_tokenizer(SENTENCES, WORDS)
    tokenizer.add_tokens([f"[{k}]" for k in range(tokenizer.get_vocab_size(), rows)])
    return tokenizer

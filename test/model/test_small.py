from __future__ import annotations

from pixelrefer_ros.model.configuration import PixelReferConfig
from pixelrefer_ros.model.small import small_config


def make(**changes: int) -> PixelReferConfig:
    dimensions = {
        "vision_width": 48, "vision_layers": 3, "vision_heads": 2,
        "language_width": 64, "language_layers": 5, "language_heads": 4, "language_key_heads": 2,
        "region_tokens": 6, "vocabulary": 500,
    }  # fmt: skip
    return small_config(**(dimensions | changes))


def test_dimensions_are_where_they_belong():
    config = make(max_sequence_length=1000)
    vision, language = config.vision, config.language
    assert (vision.hidden_size, vision.num_hidden_layers, vision.num_attention_heads) == (48, 3, 2)
    assert (language.hidden_size, language.num_hidden_layers) == (64, 5)
    assert (language.num_attention_heads, language.num_key_value_heads) == (4, 2)
    assert (config.region_tokens, language.vocab_size, config.max_sequence_length) == (6, 500, 1000)
    assert config.is_lite
    assert config.compat == "paper"


def test_narrow_layers_start_wider():
    assert make().vision.initializer_range == 2 * make(vision_width=192).vision.initializer_range
    assert make().language.initializer_range == (3 * 64) ** -0.5

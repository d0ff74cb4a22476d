from __future__ import annotations

import pytest
import torch

from pixelrefer_ros.engine.describer import Describer
from pixelrefer_ros.errors import InferenceError
from pixelrefer_ros.inspection.answering import answer
from pixelrefer_ros.regions.reference import Region


def test_it_is_the_answer_of_the_describer(asked):
    said = answer(asked.model, asked.embeds, 12)
    assert len(said) <= 12
    regions = [Region(mask=mask) for _, mask in asked.masks]
    with Describer(asked.model) as describer:
        [expected] = describer.describe(
            asked.sample.images[0], regions, asked.sample.question, max_new_tokens=12
        )
    assert len(said) == expected.generated_tokens
    decoded = asked.model.tokenizer.decode(said, skip_special_tokens=True)
    assert decoded.strip() == expected.text


def test_a_prompt_that_is_no_number_is_an_error(tiny_model):
    width = tiny_model.config.language.hidden_size
    with pytest.raises(InferenceError, match="not finite"):
        answer(tiny_model, torch.full((6, width), torch.nan), 4)

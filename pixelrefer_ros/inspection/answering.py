"""The answer to one question, as token ids."""

from __future__ import annotations

import torch

from pixelrefer_ros.engine.failures import not_finite
from pixelrefer_ros.engine.generation.decoder import Decoder
from pixelrefer_ros.engine.generation.key_value_cache import KeyValueCache
from pixelrefer_ros.engine.generation.language_network import LanguageNetwork
from pixelrefer_ros.engine.generation.row import Row
from pixelrefer_ros.engine.generation.steps import PlainSteps
from pixelrefer_ros.engine.generation.token_choice import TokenChooser
from pixelrefer_ros.model.pixelrefer import PixelRefer


def answer(model: PixelRefer, embeds: torch.Tensor, max_new_tokens: int) -> list[int]:
    """Return the ids of the likeliest answer to a prompt [length, D], its end token included.

    Raises `InferenceError` where the model computes no number.
    """
    room = model.config.max_sequence_length - len(embeds)
    row = Row(
        embeds=embeds,
        max_new_tokens=max(1, min(max_new_tokens, room)),
        eos_token_ids=model.eos_token_ids,
        chooser=TokenChooser(repetition_penalty=model.repetition_penalty),
    )
    network = LanguageNetwork(model.language_model)
    cache = KeyValueCache(model.language_model)
    decoder = Decoder(network, cache, PlainSteps(network, cache))
    finished = decoder.join([row])
    while not finished:
        finished = decoder.step()
    if row.broken:
        raise not_finite(model.language_model.dtype)
    return row.token_ids

"""The decoder that suits a device."""

from __future__ import annotations

from functools import partial

from transformers import Qwen2ForCausalLM

from pixelrefer_ros.engine.generation.cuda_graphs import GraphRecorder
from pixelrefer_ros.engine.generation.decoder import Decoder
from pixelrefer_ros.engine.generation.key_value_cache import KeyValueCache
from pixelrefer_ros.engine.generation.language_network import LanguageNetwork
from pixelrefer_ros.engine.generation.static_steps import (
    COLUMNS,
    COLUMNS_WITH_PICTURES,
    StaticSteps,
)
from pixelrefer_ros.engine.generation.steps import PlainSteps, Steps
from pixelrefer_ros.engine.thread_pools import compute_apart


def make_decoder(
    language_model: Qwen2ForCausalLM, *, max_rows: int, reads_pictures: bool
) -> Decoder:
    """Return a decoder; on CUDA only after all steps of up to `max_rows` rows are recorded.

    reads_pictures: prompts hold the visual tokens of pictures, as those of the full model.
    """
    network = compute_apart(partial(LanguageNetwork, language_model))
    steps: Steps
    if language_model.device.type == "cuda":
        columns = COLUMNS_WITH_PICTURES if reads_pictures else COLUMNS
        cache = KeyValueCache(language_model, rows=max_rows, columns=columns[-1])
        record = GraphRecorder(language_model.device)
        steps = StaticSteps(network, cache, record, columns=columns)
    else:
        cache = KeyValueCache(language_model)
        steps = PlainSteps(network, cache)
    return Decoder(network, cache, steps)

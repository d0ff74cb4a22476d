"""Where the weights come from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from huggingface_hub.errors import StrictDataclassError
from tokenizers import Tokenizer
from torch import nn
from transformers import Qwen2Config, VideoLlama3VisionConfig

from pixelrefer_ros.errors import CheckpointError
from pixelrefer_ros.model import checkpoint
from pixelrefer_ros.model.compatibility import Framework
from pixelrefer_ros.model.configuration import (
    LANGUAGE_FIELDS,
    PUBLISHED_VISION_ENCODER,
    GenerationDefaults,
    PixelReferConfig,
)
from pixelrefer_ros.model.image_processor import ImageProcessorConfig
from pixelrefer_ros.model.json_files import read_json, read_model_json
from pixelrefer_ros.model.pixelrefer import PixelRefer
from pixelrefer_ros.model.prompts import control_token_id
from pixelrefer_ros.model.random_model import ENDS, SPECIAL_TOKENS, train_tokenizer
from pixelrefer_ros.model.size_limits import check_sizes
from pixelrefer_ros.model.small import small_config
from pixelrefer_ros.model.tokenizer import load_tokenizer
from pixelrefer_ros.training.configuration import Model, Scratch, Start

OFFICIAL_REGION_TOKENS = 32
POSITION_SCALE = 4.0
TOKEN_SCALE = 2.4

# Released names of PixelRefer on the left, of VideoLLaMA3 on the right; the first match counts.
RELEASED_NAMES = {
    "model.vision_encoder.vision_encoder.": "model.vision_encoder.",
}
TRANSFORMERS_NAMES = {
    "model.vision_encoder.vision_encoder.": "model.vision_model.",
    "model.mm_projector.": "model.projector.",
    "lm_head.": "lm_head.",
    "model.": "model.language_model.",
}
NEW_PARTS = "model.region_encoder."


def make_model(start: Start, changes: Model, texts: Iterable[str], seed: int) -> PixelRefer:
    """Return the network training starts from, in float32; `texts` teach a new tokenizer.

    Raises `CheckpointError` for a folder of no use.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        if start.scratch is not None:
            model = _from_scratch(start.scratch, texts)
        elif start.videollama3:
            folder = Path(start.videollama3).expanduser()
            model = from_videollama3(folder, Framework(start.framework))
        else:
            model = PixelRefer.from_pretrained(start.pixelrefer, dtype=torch.float32)
            if start.new_object_encoder:
                model = _with_new_object_encoder(model)
            _scale(model.object_tokenizer.position, start.position_scale)
    return _with_changes(model, changes)


def from_videollama3(folder: Path, framework: Framework) -> PixelRefer:
    """Take vision encoder, projector, LLM and tokenizer of VideoLLaMA3; the rest is random.

    Both layouts are read: the released one, and the one `transformers` writes. Control tokens
    that are missing are added to the tokenizer, their embeddings start at the mean of all.
    Raises `CheckpointError` for a folder that holds no such model, or not exactly its tensors.
    """
    values, path = read_model_json(folder), folder / "config.json"
    of_transformers = "text_config" in values
    try:
        config = _videollama3_config(folder, values, framework)
    except (CheckpointError, StrictDataclassError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path}: {error}") from error
    tokenizer = load_tokenizer(folder)
    tokenizer.add_special_tokens([t for t in SPECIAL_TOKENS if tokenizer.token_to_id(t) is None])
    rows = config.language.vocab_size
    config.language.vocab_size = max(rows, tokenizer.get_vocab_size())
    ends = (tokenizer.token_to_id(token) for token in ENDS)
    config = replace(
        config, generation=GenerationDefaults(frozenset(end for end in ends if end is not None))
    )
    try:
        model = PixelRefer(config, tokenizer, folder.resolve().name)
    except Exception as error:  # transformers and torch raise many kinds
        raise CheckpointError(f"{path}: {type(error).__name__}: {error}") from error
    mapping = TRANSFORMERS_NAMES if of_transformers else RELEASED_NAMES
    ours = {
        _renamed(name, mapping): tensor
        for name, tensor in model.official_tensors().items()
        if not name.startswith(NEW_PARTS)
    }
    expected = {
        name: torch.Size((rows, *tensor.shape[1:])) if _is_vocabulary(name) else tensor.shape
        for name, tensor in ours.items()
    }
    with torch.no_grad():
        for name, tensor in checkpoint.read_tensors(folder, expected):
            ours[name][: len(tensor)] = tensor
            ours[name][len(tensor) :] = tensor.float().mean(0)
    return model


def _videollama3_config(
    folder: Path, values: Mapping[str, Any], framework: Framework
) -> PixelReferConfig:
    language = values.get("text_config", values)
    vision = values.get("vision_config") or values.get("vision_encoder_config") or {}
    for part, fields in (("language", language), ("vision", vision)):
        if not isinstance(fields, Mapping):
            raise CheckpointError(f"the {part} part is {fields!r}, must be an object")
    vision = {**PUBLISHED_VISION_ENCODER, **vision}
    check_sizes(language)
    check_sizes(vision, "vision ")
    return PixelReferConfig(
        framework=framework,
        language=Qwen2Config(**{k: language[k] for k in LANGUAGE_FIELDS if k in language}),
        vision=VideoLlama3VisionConfig(**{k: vision[k] for k in PUBLISHED_VISION_ENCODER}),
        region_tokens=OFFICIAL_REGION_TOKENS,
        max_prompt_tokens=16384,
        image_processor=ImageProcessorConfig.from_dict(
            read_json(folder / "preprocessor_config.json")
        ),
        compat="paper",
        dtype=torch.bfloat16,
    )


def _from_scratch(scratch: Scratch, texts: Iterable[str]) -> PixelRefer:
    tokenizer: Tokenizer = train_tokenizer(list(texts), scratch.vocabulary)
    vocabulary = tokenizer.get_vocab_size()
    config = replace(
        small_config(
            vision_width=scratch.vision_width,
            vision_layers=scratch.vision_layers,
            vision_heads=scratch.vision_heads,
            language_width=scratch.language_width,
            language_layers=scratch.language_layers,
            language_heads=scratch.language_heads,
            language_key_heads=scratch.language_key_heads,
            region_tokens=scratch.region_tokens,
            vocabulary=vocabulary,
            max_sequence_length=scratch.max_sequence_length,
        ),
        generation=GenerationDefaults(
            frozenset(control_token_id(tokenizer, token, vocabulary) for token in ENDS)
        ),
    )
    model = PixelRefer(config, tokenizer, "scratch")
    _suit_small_network(model)
    return model


def _with_new_object_encoder(model: PixelRefer) -> PixelRefer:
    fresh = PixelRefer(model.config, model.tokenizer, model.model_id)
    _suit_small_network(fresh)
    fresh.vision_encoder, fresh.projector = model.vision_encoder, model.projector
    fresh.language_model = model.language_model
    return fresh


def _scale(linear: nn.Module, factor: float) -> None:
    """Multiply what a linear layer gives."""
    with torch.no_grad():
        for parameter in linear.parameters():
            parameter.mul_(factor)


def _suit_small_network(model: PixelRefer) -> None:
    """Scale what lies between the vision encoder and the LLM of a small network.

    Positions of 0 to 1 show beside its features; the middle of the image adds nothing, since what
    all objects share drowns what they differ in. Object tokens start about as long as words,
    since longer ones drown what each layer adds to them.
    """
    position, last = model.object_tokenizer.position, model.region_projector[-1]
    assert isinstance(last, nn.Linear)
    with torch.no_grad():
        position.weight.mul_(POSITION_SCALE)
        position.bias.copy_(-position.weight.sum(1) / 2)
        last.weight.mul_(TOKEN_SCALE * last.in_features**-0.5)
        last.bias.zero_()


def _with_changes(model: PixelRefer, changes: Model) -> PixelRefer:
    config = model.config
    config = replace(
        config,
        local_view_patches=changes.local_view_patches or config.local_view_patches,
        global_view_patches=changes.global_view_patches or config.global_view_patches,
        dtype=getattr(torch, changes.dtype) if changes.dtype else config.dtype,
        random_weights=False,
    )
    model.config = config
    return model


def _renamed(name: str, mapping: Mapping[str, str]) -> str:
    for released, theirs in mapping.items():
        if name.startswith(released):
            return theirs + name.removeprefix(released)
    return name


def _is_vocabulary(name: str) -> bool:
    return name.endswith(("embed_tokens.weight", "lm_head.weight"))

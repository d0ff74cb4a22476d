"""Make a tiny checkpoint with random weights: complete and fast, but its answers mean nothing.

`python -m pixelrefer_ros.model.random_model FOLDER` writes one in the released layout.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import Qwen2Config, VideoLlama3VisionConfig

from pixelrefer_ros.model.compatibility import Framework
from pixelrefer_ros.model.configuration import GenerationDefaults, PixelReferConfig
from pixelrefer_ros.model.pixelrefer import PixelRefer
from pixelrefer_ros.model.prompts import control_token_id

# After the words, in the order in which Qwen2.5 and then PixelRefer add them.
SPECIAL_TOKENS = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<image>",
    "<|stream_start|>",
    "<|stream_end|>",
    "<REGION>",
)
ENDS = ("<|im_end|>", "<|endoftext|>")
QWEN_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
SENTENCES = (
    "Please describe the region in the image in detail. Do not describe anything else.",
    "There is one object in the video. Please describe in detail the marked object in the video.",
    "What is the category of the object? Using only one word or phrase.",
    "A red mug with a white handle stands on a wooden table next to a blue plate.",
    "The green bottle is to the left of the yellow box and in front of the small grey chair.",
    "A person wearing a dark jacket walks along the street behind a parked car.",
    "The metal spoon lies on the plate; the object moves slowly from the left to the right.",
)


def train_tokenizer(sentences: Sequence[str], vocabulary: int) -> Tokenizer:
    """Learn a byte-level BPE tokenizer of at most `vocabulary` words, special tokens on top."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(QWEN_WORDS), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(sentences, trainer)
    tokenizer.add_special_tokens(list(SPECIAL_TOKENS))
    tokenizer.encode_special_tokens = True
    return tokenizer


def write_random_checkpoint(
    folder: str | Path,
    *,
    seed: int = 0,
    framework: Framework = Framework.OBJECT_ONLY,
    compat: str = "official",
    region_tokens: int = 32,
    patch_budget: int = 8192,
    vision_width: int = 64,
    vision_layers: int = 2,
    language_width: int = 64,
    language_layers: int = 2,
    vocabulary: int = 512,
    tie_word_embeddings: bool = False,
    repetition_penalty: float = 1.0,
    sentences: Sequence[str] = SENTENCES,
) -> None:
    """Write a model folder in the released layout with random weights, marked as such.

    `vision_width` is a multiple of 16 and `language_width` of 8, for the heads of the attentions.
    """
    tokenizer = train_tokenizer(sentences, vocabulary)
    vocabulary = tokenizer.get_vocab_size()
    config = PixelReferConfig(
        framework=framework,
        language=Qwen2Config(
            vocab_size=vocabulary,
            hidden_size=language_width,
            intermediate_size=2 * language_width,
            num_hidden_layers=language_layers,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=32768,
            rope_parameters={"rope_theta": 1e6, "rope_type": "default"},
            tie_word_embeddings=tie_word_embeddings,
            initializer_range=0.1,
        ),
        vision=VideoLlama3VisionConfig(
            hidden_size=vision_width,
            intermediate_size=2 * vision_width,
            num_hidden_layers=vision_layers,
            num_attention_heads=4,
            patch_size=14,
            initializer_range=0.1,
        ),
        region_tokens=region_tokens,
        patch_budget=patch_budget,
        max_prompt_tokens=16384,
        generation=GenerationDefaults(
            frozenset(control_token_id(tokenizer, t, vocabulary) for t in ENDS),
            repetition_penalty,
        ),
        compat=compat,
        random_weights=True,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = PixelRefer(config, tokenizer, Path(folder).name)
    model.save_pretrained(folder)


def main() -> None:
    """Read the folder from the command line and write the model there."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path, help="where to write the model")
    parser.add_argument("--seed", type=int, default=0, help="of the random weights (default 0)")
    arguments = parser.parse_args()
    write_random_checkpoint(arguments.folder, seed=arguments.seed)


if __name__ == "__main__":
    main()

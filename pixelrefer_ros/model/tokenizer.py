"""Read and write the tokenizer of a model folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tokenizers import Tokenizer
from transformers import Qwen2Tokenizer

from pixelrefer_ros.errors import CheckpointError
from pixelrefer_ros.model.json_files import write_json


def load_tokenizer(folder: Path) -> Tokenizer:
    """Read tokenizer.json or, where it is missing, vocab.json and merges.txt.

    Special tokens written out in a text stay text: encoding never gives their ids.
    Raises `CheckpointError` if neither is there or readable.
    """
    path = folder / "tokenizer.json"
    try:
        if path.is_file():
            tokenizer = Tokenizer.from_file(str(path))
        else:
            if not ((folder / "vocab.json").is_file() and (folder / "merges.txt").is_file()):
                raise CheckpointError(f"{folder}: no tokenizer.json, nor vocab.json and merges.txt")
            slow = Qwen2Tokenizer.from_pretrained(str(folder), local_files_only=True)
            tokenizer = slow.backend_tokenizer
    except CheckpointError:
        raise
    except Exception as error:  # the tokenizers library raises plain Exception
        raise CheckpointError(f"{folder}: the tokenizer is not readable: {error}") from error
    tokenizer.encode_special_tokens = True
    return tokenizer


def save_tokenizer(
    tokenizer: Tokenizer, folder: Path, *, end_of_turn: str, max_length: int | None
) -> None:
    """Write all files of a Qwen2 tokenizer, for readers of every kind, into `folder`."""
    added = tokenizer.get_added_tokens_decoder()
    entries = {
        str(i): {
            "content": token.content,
            "lstrip": token.lstrip,
            "normalized": token.normalized,
            "rstrip": token.rstrip,
            "single_word": token.single_word,
            "special": token.special,
        }
        for i, token in sorted(added.items())
    }
    padding = entries[min(entries, key=int)]["content"]
    settings: dict[str, Any] = {
        "added_tokens_decoder": entries,
        "bos_token": None,
        "clean_up_tokenization_spaces": False,
        "eos_token": end_of_turn,
        "errors": "replace",
        "pad_token": padding,
        "padding_side": "right",
        "split_special_tokens": False,
        "tokenizer_class": "Qwen2Tokenizer",
        "unk_token": padding,
    }
    if max_length is not None:
        settings["model_max_length"] = max_length
    tokenizer.save(str(folder / "tokenizer.json"))
    tokenizer.model.save(str(folder))
    write_json(folder / "tokenizer_config.json", settings)
    write_json(folder / "added_tokens.json", {token.content: i for i, token in added.items()})
    write_json(
        folder / "special_tokens_map.json",
        {"eos_token": end_of_turn, "pad_token": padding, "unk_token": padding},
    )

from __future__ import annotations

import re
import shutil

import pytest

from pixelrefer_ros.errors import CheckpointError
from pixelrefer_ros.model.tokenizer import load_tokenizer

FILES = ("vocab.json", "merges.txt", "tokenizer_config.json", "added_tokens.json")


def encode(tokenizer, text: str) -> list[int]:
    """Encode text and the control tokens written out in it."""
    ids: list[int] = []
    for part in re.split(r"(<\|im_start\|>|<\|im_end\|>|<image>|<REGION>)", text):
        token_id = tokenizer.token_to_id(part) if part.startswith("<") else None
        ids += tokenizer.encode(part).ids if token_id is None else [token_id]
    return ids


@pytest.mark.parametrize("from_json", [True, False])
def test_recorded_samples(goldens, units, tmp_path, from_json):
    folder = goldens / "full_tiny" / "checkpoint"
    for name in ("tokenizer.json", *FILES) if from_json else FILES:
        shutil.copy(folder / name, tmp_path)
    tokenizer = load_tokenizer(tmp_path)
    for row in units["tokenizer_full_tiny"]:
        assert encode(tokenizer, row["text"]) == row["ids"]


def test_saved_files_read_the_same_without_tokenizer_json(lite, tmp_path):
    lite.save_pretrained(tmp_path)
    (tmp_path / "tokenizer.json").unlink()
    tokenizer = load_tokenizer(tmp_path)
    text = "It's   a café 你好\n\n 123, isn't it?"
    assert tokenizer.encode(text).ids == lite.tokenizer.encode(text).ids
    assert tokenizer.token_to_id("<REGION>") == lite.prompts.region_id


def test_missing_and_broken_files(tmp_path):
    with pytest.raises(CheckpointError, match=r"no tokenizer.json"):
        load_tokenizer(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(CheckpointError, match="not readable"):
        load_tokenizer(tmp_path)

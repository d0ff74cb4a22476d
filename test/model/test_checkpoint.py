from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from pixelrefer_ros.errors import CheckpointError
from pixelrefer_ros.model.checkpoint import INDEX_FILE, WEIGHTS_FILE, find_folder, official_name
from pixelrefer_ros.model.pixelrefer import PixelRefer

NORM = "model.norm.weight"


@pytest.fixture
def folder(tiny_model_path: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_model_path, tmp_path / "model"))


def rewrite(folder: Path, **changes: torch.Tensor | None) -> None:
    """Replace, add or (None) remove tensors."""
    tensors = load_file(folder / WEIGHTS_FILE)
    for name, tensor in changes.items():
        tensors.pop(name, None)
        if tensor is not None:
            tensors[name] = tensor
    save_file(tensors, folder / WEIGHTS_FILE)


def split(folder: Path) -> dict[str, str]:
    """Turn the single file into two shards; return the index's weight map."""
    tensors = load_file(folder / WEIGHTS_FILE)
    names = sorted(tensors)
    shards = {"part-1.safetensors": names[::2], "part-2.safetensors": names[1::2]}
    for shard, held in shards.items():
        save_file({name: tensors[name] for name in held}, folder / shard)
    (folder / WEIGHTS_FILE).unlink()
    return {name: shard for shard, held in shards.items() for name in held}


def write_index(folder: Path, weight_map: object) -> None:
    (folder / INDEX_FILE).write_text(json.dumps({"weight_map": weight_map}))


def refuse(folder: Path | str, message: str, **arguments: bool) -> None:
    with pytest.raises(CheckpointError, match=message):
        PixelRefer.from_pretrained(folder, **arguments)


def test_shards_load_like_a_single_file(folder, tiny_model):
    write_index(folder, split(folder))
    model = PixelRefer.from_pretrained(folder)
    for name, tensor in tiny_model.state_dict().items():
        assert torch.equal(model.state_dict()[name], tensor)


def test_missing_surplus_and_misshapen_tensors_are_all_named(folder):
    rewrite(folder, **{NORM: None, "model.extra": torch.zeros(1)})
    rewrite(folder, **{"lm_head.weight": torch.zeros(3, 5)})
    refuse(
        folder,
        r"missing: model\.norm\.weight; surplus: model\.extra; "
        r"wrong shape: lm_head\.weight is \[3, 5\], must be \[474, 64\]",
    )


def test_many_names_are_cut_short(folder):
    rewrite(folder, **{f"extra.{i:02}": torch.zeros(1) for i in range(10)})
    refuse(folder, r"surplus: extra\.00, .*extra\.07 and 2 more$")


def test_a_tied_head_must_not_be_there_twice(folder):
    config = json.loads((folder / "config.json").read_text()) | {"tie_word_embeddings": True}
    (folder / "config.json").write_text(json.dumps(config))
    refuse(folder, r"surplus: lm_head\.weight")
    rewrite(folder, **{"lm_head.weight": None})
    model = PixelRefer.from_pretrained(folder).language_model
    assert model.lm_head.weight is model.get_input_embeddings().weight


def test_a_truncated_file(folder):
    data = (folder / WEIGHTS_FILE).read_bytes()
    (folder / WEIGHTS_FILE).write_bytes(data[: len(data) // 2])
    refuse(folder, r"model\.safetensors: truncated")


@pytest.mark.parametrize("name", ["pytorch_model.bin", "weights.pt", "weights.pth"])
def test_pickled_weights_are_never_opened(folder, name):
    (folder / WEIGHTS_FILE).unlink()
    (folder / name).write_bytes(b"not even a pickle")
    refuse(folder, rf"{name}: pickled weights are not read.*convert.*save_file")


def test_no_weights_at_all(folder):
    (folder / WEIGHTS_FILE).unlink()
    refuse(folder, r"neither model\.safetensors nor")


@pytest.mark.parametrize(
    "shard", ["../model.safetensors", "/etc/passwd", "sub/part.safetensors", "part.bin", ".."]
)
def test_an_index_cannot_point_outside_of_the_folder(folder, shard):
    weight_map = split(folder)
    write_index(folder, weight_map | {NORM: shard})
    refuse(folder, "is not the name of a .safetensors file in the same folder")


def test_broken_indices(folder):
    weight_map = split(folder)
    write_index(folder, None)
    refuse(folder, "weight_map is missing")
    write_index(folder, weight_map | {NORM: "part-3.safetensors"})
    refuse(folder, r"part-3\.safetensors: the shard is missing")
    del weight_map[NORM]
    write_index(folder, weight_map)
    refuse(folder, r"does not hold the tensors the index lists: model\.norm\.weight")


def test_a_tokenizer_without_the_control_tokens(folder):
    path = folder / "tokenizer.json"
    path.write_text(path.read_text().replace("<REGION>", "<AREA>"))
    refuse(folder, "the tokenizer's id of <REGION> is None")


def test_a_tokenizer_that_would_let_text_become_a_control_token(folder):
    path = folder / "tokenizer.json"
    tokenizer = json.loads(path.read_text())
    for token in tokenizer["added_tokens"]:
        token["special"] = False
    path.write_text(json.dumps(tokenizer))
    refuse(folder, "must be marked as special")


def test_neither_a_folder_nor_downloaded(monkeypatch, tmp_path):
    monkeypatch.setattr("socket.socket.connect", None)  # any use of the network would fail loudly
    refuse("no-such-organisation/no-such-model", "neither a folder nor downloaded.*ask for")
    refuse(tmp_path / "missing", "is not a folder")
    refuse("missing", "is not a folder")
    refuse("a b/c", "cannot be fetched")


def test_every_parameter_has_a_released_name(lite, full):
    for model in (lite, full):
        names = [official_name(name) for name in model.state_dict()]
        assert len(set(names)) == len(names)
    with pytest.raises(KeyError):
        official_name("unheard.of")


def test_the_model_a_training_left_goes_by_the_name_of_its_output(tmp_path):
    for name in ("stage/model", "mug"):
        (tmp_path / name).mkdir(parents=True)
        assert find_folder(tmp_path / name, revision=None, download=False)[1] == name

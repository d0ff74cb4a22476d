"""Any files as a model folder: a model, or `CheckpointError`, and never much memory or time."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from fuzzing import check_message, fuzz
from hypothesis import strategies as st

from pixelrefer_ros.errors import CheckpointError
from pixelrefer_ros.model.checkpoint import INDEX_FILE, WEIGHTS_FILE, read_tensors
from pixelrefer_ros.model.configuration import PixelReferConfig
from pixelrefer_ros.model.pixelrefer import PixelRefer

ROOT = Path(__file__).resolve().parents[2]
CONFIG = json.loads((ROOT / "models" / "random-tiny" / "config.json").read_text())
VISION = CONFIG["vision_encoder_config"]
VALUES = st.one_of(
    st.sampled_from(
        [0, -1, 1, 3, 10**9, 2**63, 10**400, 0.5, float("nan"), float("inf"), None, True, "", "x"]
    ),
    st.sampled_from([[], [1], {}, {"rope_type": "yarn"}, {"rope_theta": -1.0}, "silu", "float64"]),
    st.text(max_size=5),
)
CHANGES = st.dictionaries(st.sampled_from(sorted(CONFIG)), VALUES, min_size=1, max_size=2)
VISION_CHANGES = st.dictionaries(st.sampled_from(sorted(VISION)), VALUES, max_size=2)
OTHERS = st.fixed_dictionaries(
    {},
    optional={
        "generation_config.json": st.dictionaries(
            st.sampled_from(["eos_token_id", "repetition_penalty"]), VALUES
        ),
        "preprocessor_config.json": st.dictionaries(
            st.sampled_from(["image_mean", "image_std", "rescale_factor", "min_pixels", "size"]),
            VALUES,
        ),
    },
)
NAMES = ("lm_head.weight", "model.norm.weight", "__metadata__", "x")
HEADERS = st.dictionaries(
    st.sampled_from(NAMES),
    st.fixed_dictionaries(
        {},
        optional={
            "dtype": st.sampled_from(["F32", "BF16", "F4", "", 7]),
            "shape": st.lists(st.sampled_from([0, 1, 2, 10**9, 2**63, -1]), max_size=3),
            "data_offsets": st.lists(st.sampled_from([0, 4, 8, 2**40, 2**63, -4]), max_size=3),
        },
    )
    | VALUES,
    max_size=3,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, tiny_model_path) -> Path:
    return Path(shutil.copytree(tiny_model_path, tmp_path_factory.mktemp("models") / "changed"))


def write(folder: Path, changes: dict, vision: dict, others: dict) -> None:
    values = CONFIG | {"vision_encoder_config": VISION | vision} | changes
    (folder / "config.json").write_text(json.dumps(values))
    for name in ("generation_config.json", "preprocessor_config.json"):
        (folder / name).write_text(json.dumps(others.get(name, {})))


@fuzz(400, changes=CHANGES, vision=VISION_CHANGES, others=OTHERS)
def test_any_configuration(changes, vision, others, folder):
    write(folder, changes, vision, others)
    try:
        config = PixelReferConfig.from_folder(folder)
    except CheckpointError as error:
        check_message(error)
        return
    assert config.region_tokens <= 1024


@fuzz(60, changes=CHANGES, vision=VISION_CHANGES)
def test_any_model(changes, vision, folder):
    write(folder, changes, vision, {})
    try:
        PixelRefer.from_pretrained(folder)
    except CheckpointError as error:
        check_message(error)


@fuzz(
    500, header=HEADERS, length=st.sampled_from([None, 0, 2**63, -1]), data=st.binary(max_size=16)
)
def test_any_weights(header, length, data, tmp_path_factory):
    folder = tmp_path_factory.getbasetemp() / "weights"
    folder.mkdir(exist_ok=True)
    text = json.dumps(header).encode()
    size = struct.pack("<q", len(text)) if length is None else struct.pack("<Q", length % 2**64)
    (folder / WEIGHTS_FILE).write_bytes(size + text + data)
    try:
        tensors = dict(read_tensors(folder, {"model.norm.weight": torch.Size([1])}))
    except CheckpointError as error:
        check_message(error)
        return
    assert tensors["model.norm.weight"].shape == (1,)


@fuzz(
    200, weight_map=st.dictionaries(st.sampled_from(NAMES), VALUES | st.text(max_size=9)) | VALUES
)
def test_any_index(weight_map, tmp_path_factory):
    folder = tmp_path_factory.getbasetemp() / "index"
    folder.mkdir(exist_ok=True)
    (folder / INDEX_FILE).write_text(json.dumps({"weight_map": weight_map}))
    with pytest.raises(CheckpointError):
        dict(read_tensors(folder, {}))


@fuzz(80, place=st.integers(0, 30_000), byte=st.integers(0, 255))
def test_a_damaged_tokenizer(place, byte, folder):
    path = folder / "tokenizer.json"
    right = path.read_bytes()
    place %= len(right)
    write(folder, {}, {}, {})
    path.write_bytes(right[:place] + bytes([byte]) + right[place + 1 :])
    try:
        PixelRefer.from_pretrained(folder)
    except CheckpointError as error:
        check_message(error)
    finally:
        path.write_bytes(right)


def refuse(folder: Path, message: str) -> None:
    with pytest.raises(CheckpointError, match=message):
        PixelRefer.from_pretrained(folder)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("num_hidden_layers", 10**9, "num_hidden_layers is 1000000000, must be .* 1 to 256"),
        ("vocab_size", 10**18, "vocab_size is"),
        ("mask_num", True, "mask_num is True"),
        ("hidden_act", "os.system", "KeyError"),
        ("torch_dtype", "int64", "torch_dtype is 'int64'"),
        ("torch_dtype", "load", "torch_dtype is 'load'"),
        ("tokenizer_model_max_length", "many", "tokenizer_model_max_length is 'many'"),
    ],
)
def test_absurd_numbers_are_named(name, value, message, folder):
    write(folder, {name: value}, {}, {})
    refuse(folder, message)


@pytest.mark.parametrize(
    ("file", "values", "message"),
    [
        ("generation_config.json", {"eos_token_id": ["x"]}, "eos_token_id is"),
        ("generation_config.json", {"repetition_penalty": -1}, "repetition_penalty is -1"),
        ("preprocessor_config.json", {"min_pixels": 10**12}, "min_pixels is 1000000000000"),
        ("preprocessor_config.json", {"image_std": [0.5, 0, 0.5]}, "image_std is"),
        ("preprocessor_config.json", {"image_mean": [1]}, "image_mean is"),
        ("preprocessor_config.json", {"rescale_factor": "much"}, "rescale_factor is"),
        ("preprocessor_config.json", {"rescale_factor": 0}, "rescale_factor is 0"),
    ],
)
def test_absurd_numbers_beside_it_are_named(file, values, message, folder):
    write(folder, {}, {}, {file: values})
    refuse(folder, message)


def test_a_configuration_nested_without_end(folder):
    (folder / "config.json").write_text("[" * 200_000)
    refuse(folder, r"config\.json: not readable as JSON")


def test_links_that_lead_outside_give_nothing_away(folder, tmp_path):
    """A link is followed, as the hub's cache consists of them; what it leads to must be weights."""
    write(folder, {}, {}, {})
    secret = tmp_path / "secret"
    secret.write_text("the secret")
    copy = Path(shutil.copytree(folder, tmp_path / "linked"))
    (copy / WEIGHTS_FILE).unlink()
    for target in (secret, Path("/dev/zero"), Path("/proc/self/mem"), copy):
        (copy / WEIGHTS_FILE).unlink(missing_ok=True)
        os.symlink(target, copy / WEIGHTS_FILE)
        with pytest.raises(CheckpointError) as refused:
            PixelRefer.from_pretrained(copy)
        assert "the secret" not in str(refused.value)


def test_a_giant_tensor_is_refused_before_it_is_allocated(tmp_path):
    """In a process that may not take 100 MB more than it has."""
    header = {"x": {"dtype": "F32", "shape": [10**5, 10**5], "data_offsets": [0, 4 * 10**10]}}
    text = json.dumps(header).encode()
    (tmp_path / WEIGHTS_FILE).write_bytes(struct.pack("<Q", len(text)) + text)
    program = f"""
import resource
from pathlib import Path
import torch
from pixelrefer_ros.errors import CheckpointError
from pixelrefer_ros.model.checkpoint import read_tensors
pages = int(Path("/proc/self/statm").read_text().split()[0])
limit = pages * resource.getpagesize() + 100_000_000
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
try:
    dict(read_tensors(Path({str(tmp_path)!r}), {{"x": torch.Size([10**5, 10**5])}}))
except CheckpointError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "truncated or not a safetensors file" in done.stdout, done.stderr

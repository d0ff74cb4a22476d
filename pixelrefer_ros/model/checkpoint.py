"""Model folders: find them, read their tensors strictly, write them.

Only safetensors and JSON are ever read; nothing is unpickled, and nothing is downloaded unless
the caller asks for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from safetensors import SafetensorError, safe_open

from pixelrefer_ros.errors import CheckpointError
from pixelrefer_ros.model.json_files import read_json

WEIGHTS_FILE = "model.safetensors"
INDEX_FILE = "model.safetensors.index.json"
DOWNLOADED_FILES = ["*.safetensors", "*.json", "*.txt"]
COMMIT = re.compile(r"[0-9a-f]{40}")
LISTED_NAMES = 8

# Our module tree on the left, the released tensor names on the right; the first match counts.
OFFICIAL_PREFIXES = {
    "vision_encoder.": "model.vision_encoder.vision_encoder.",
    "projector.": "model.mm_projector.readout.",
    "object_tokenizer.position.": "model.region_encoder.pos_linear.",
    "object_infusion.local_to_object.norm.": "model.region_encoder.ln_local.",
    "object_infusion.local_to_object.attention.": "model.region_encoder.fusion_attention_local.",
    "object_infusion.global_to_object.norm.": "model.region_encoder.ln_global.",
    "object_infusion.global_to_object.attention.": "model.region_encoder.fusion_attention_global.",
    "region_projector.": "model.region_encoder.feat_linear.",
    "mask_embedding.": "model.region_encoder.mask_embedding.",
    "language_model.": "",
}


def official_name(name: str) -> str:
    """Return the released name of a parameter of `PixelRefer`."""
    for ours, official in OFFICIAL_PREFIXES.items():
        if name.startswith(ours):
            return official + name.removeprefix(ours)
    raise KeyError(name)


def find_folder(
    name_or_path: str | Path, *, revision: str | None, download: bool
) -> tuple[Path, str]:
    """Return the model's folder and its id: the folder's name, or hub id @ revision.

    A folder called `model`, as trainings leave it, goes by the name of the folder it is in as well.
    A hub id, `owner/name` or `owner/name@revision`, is looked up among what was downloaded before;
    only with `download` may it be fetched, and then it must name a commit: what a branch holds may
    be another model tomorrow. Raises `CheckpointError` if there is no such folder or model.
    """
    folder = Path(name_or_path).expanduser()
    if folder.is_dir():
        path = folder.resolve()
        return folder, f"{path.parent.name}/model" if path.name == "model" else path.name
    name = str(name_or_path)
    if folder.exists() or name.count("/") != 1 or name.startswith((".", "/", "~")):
        raise CheckpointError(f"model '{name}' is not a folder")
    name, _, pinned = name.partition("@")
    revision = revision or pinned or None
    if download and not COMMIT.fullmatch(revision or ""):
        raise CheckpointError(
            f"model '{name_or_path}' is neither a folder nor a hub id with a commit: to fetch it, "
            f"write {name}@COMMIT, with the 40 hex digits that "
            f"`git ls-remote https://huggingface.co/{name} main` prints"
        )
    try:
        snapshot = Path(
            snapshot_download(
                name,
                revision=revision,
                allow_patterns=DOWNLOADED_FILES,
                local_files_only=not download,
            )
        )
    except LocalEntryNotFoundError as error:
        reason = error if download else "to fetch it from the hub, ask for a download"
        raise CheckpointError(
            f"model '{name}' is neither a folder nor downloaded: {reason}"
        ) from error
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        raise CheckpointError(f"model '{name}' cannot be fetched: {error}") from error
    return snapshot, f"{name}@{revision or snapshot.name}"


def read_tensors(
    folder: Path, expected: Mapping[str, torch.Size]
) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield every tensor of a folder by its released name, after checking names and shapes.

    Raises `CheckpointError`, before the first tensor, if one is missing, surplus or of another
    shape than `expected`, or if a file is truncated, missing or outside of the folder.
    """
    files = _tensor_files(folder)
    found: dict[str, tuple[Path, torch.Size]] = {}
    for path, listed in files.items():
        with _open(path) as shard:
            names = set(shard.keys())
            if listed is not None and names != listed:
                raise CheckpointError(
                    f"{path}: does not hold the tensors the index lists: {_listing(names ^ listed)}"
                )
            for name in names:
                found[name] = (path, torch.Size(shard.get_slice(name).get_shape()))
    _compare({name: shape for name, (_, shape) in found.items()}, expected, folder)
    for path in files:
        with _open(path) as shard:
            for name in shard.keys():  # noqa: SIM118 - not a mapping
                yield name, shard.get_tensor(name)


def _tensor_files(folder: Path) -> dict[Path, set[str] | None]:
    """Return the weight files and the names an index promises for each, None without index."""
    if (folder / WEIGHTS_FILE).is_file():
        return {folder / WEIGHTS_FILE: None}
    if not (folder / INDEX_FILE).is_file():
        pickled = sorted([*folder.glob("*.bin"), *folder.glob("*.pt"), *folder.glob("*.pth")])
        if pickled:
            raise CheckpointError(
                f"{pickled[0]}: pickled weights are not read, because opening them can run "
                f"foreign code; convert them on a machine you can spare, with torch.load(..., "
                f"weights_only=True) and safetensors.torch.save_file, to {WEIGHTS_FILE}"
            )
        raise CheckpointError(f"{folder}: neither {WEIGHTS_FILE} nor {INDEX_FILE} is there")
    weight_map = read_json(folder / INDEX_FILE).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise CheckpointError(f"{folder / INDEX_FILE}: weight_map is missing or empty")
    files: dict[Path, set[str] | None] = {}
    for file_name in sorted({str(value) for value in weight_map.values()}):
        if Path(file_name).name != file_name or Path(file_name).suffix != ".safetensors":
            raise CheckpointError(
                f"{folder / INDEX_FILE}: '{file_name}' is not the name of a .safetensors file "
                "in the same folder"
            )
        if not (folder / file_name).is_file():
            raise CheckpointError(f"{folder / file_name}: the shard is missing")
        files[folder / file_name] = {k for k, v in weight_map.items() if v == file_name}
    return files


@contextmanager
def _open(path: Path) -> Iterator[Any]:
    try:
        with safe_open(path, framework="pt") as shard:
            yield shard
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path}: truncated or not a safetensors file: {error}") from error


def _compare(
    found: Mapping[str, torch.Size], expected: Mapping[str, torch.Size], folder: Path
) -> None:
    problems = []
    if missing := expected.keys() - found.keys():
        problems.append(f"missing: {_listing(missing)}")
    if surplus := found.keys() - expected.keys():
        problems.append(f"surplus: {_listing(surplus)}")
    wrong = {
        f"{name} is {list(found[name])}, must be {list(expected[name])}"
        for name in found.keys() & expected.keys()
        if found[name] != expected[name]
    }
    if wrong:
        problems.append(f"wrong shape: {_listing(wrong)}")
    if problems:
        raise CheckpointError(
            f"{folder}: the tensors do not fit config.json; {'; '.join(problems)}"
        )


def _listing(names: set[str]) -> str:
    shown = ", ".join(sorted(names)[:LISTED_NAMES])
    hidden = len(names) - LISTED_NAMES
    return f"{shown} and {hidden} more" if hidden > 0 else shown

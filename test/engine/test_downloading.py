"""With a hub's cache on the disk, as a download leaves it; nothing reaches for the network."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

from pixelrefer_ros.engine.downloading import fetch_model
from pixelrefer_ros.errors import CheckpointError
from pixelrefer_ros.model.checkpoint import find_folder

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def test_a_folder_is_taken_as_it_is(tiny_model_path):
    fetched = fetch_model(str(tiny_model_path))
    assert fetched.name == str(tiny_model_path)
    weights = (tiny_model_path / "model.safetensors").read_bytes()
    assert fetched.checksums == {"model.safetensors": hashlib.sha256(weights).hexdigest()}


def test_a_pinned_commit_is_found_in_the_cache(tiny_model_path, tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("socket.socket.connect", None)  # any use of the network would fail loudly
    kept = tmp_path / "models--owner--name"
    shutil.copytree(tiny_model_path, kept / "snapshots" / COMMIT)
    (kept / "refs").mkdir()
    (kept / "refs" / "main").write_text(COMMIT)
    for name in ("owner/name", f"owner/name@{COMMIT}"):
        folder, model_id = find_folder(name, revision=None, download=False)
        assert Path(folder).name == COMMIT
        assert model_id == f"owner/name@{COMMIT}"
    with pytest.raises(CheckpointError, match="ask for a download"):
        find_folder("owner/name@" + "f" * 40, revision=None, download=False)


@pytest.fixture
def hub(tiny_model_path, tmp_path, monkeypatch):
    """Answer downloads as the hub does; return what was asked for."""
    asked = []

    def snapshot_download(name, **options):
        asked.append((name, options["revision"], options["local_files_only"]))
        snapshot = tmp_path / "snapshots" / options["revision"]
        shutil.copytree(tiny_model_path, snapshot)
        return str(snapshot)

    monkeypatch.setattr("pixelrefer_ros.model.checkpoint.snapshot_download", snapshot_download)
    return asked


def test_a_commit_is_fetched_and_its_checksums_are_told(hub, tiny_model_path):
    fetched = fetch_model(f"owner/name@{COMMIT}")
    assert hub == [("owner/name", COMMIT, False)]
    assert fetched.name == f"owner/name@{COMMIT}"
    weights = (tiny_model_path / "model.safetensors").read_bytes()
    assert fetched.checksums == {"model.safetensors": hashlib.sha256(weights).hexdigest()}


@pytest.mark.parametrize(
    "name",
    [
        "owner/name",
        "owner/name@",
        "owner/name@main",
        f"owner/name@{COMMIT[:7]}",
        f"owner/name@{COMMIT}0",
        f"owner/name@{COMMIT[:-1]}g",
        f"owner/name@main@{COMMIT}",
    ],
)
def test_what_can_change_is_not_fetched(hub, name):
    with pytest.raises(CheckpointError) as error:
        fetch_model(name)
    assert hub == []
    assert f"model '{name}' is neither a folder nor a hub id with a commit" in str(error.value)
    assert "owner/name@COMMIT" in str(error.value)
    assert "`git ls-remote https://huggingface.co/owner/name main`" in str(error.value)

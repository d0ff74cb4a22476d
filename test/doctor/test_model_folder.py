from __future__ import annotations

import shutil

from safetensors.numpy import load_file, save_file

from pixelrefer_ros.doctor.finding import Level
from pixelrefer_ros.doctor.model_folder import check_model


def test_the_shipped_model_is_whole():
    model, folder = check_model("")
    assert (model.level, folder.level) == (Level.OK, Level.OK)
    assert model.found.startswith("pixelrefer-lite-tabletop: 4.3 million weights in float16")
    assert folder.found.endswith("models/pixelrefer-lite-tabletop")


def test_random_weights_are_warned_about():
    model, _ = check_model("random-tiny")
    assert model.level is Level.WARN
    assert "Its words are noise" in model.cure


def test_a_damaged_folder_is_an_error_that_names_the_tensor(tiny_model_path, tmp_path):
    folder = tmp_path / "damaged"
    shutil.copytree(tiny_model_path, folder)
    tensors = load_file(folder / "model.safetensors")
    del tensors["lm_head.weight"]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    [finding] = check_model(str(folder))
    assert finding.level is Level.ERROR
    assert "missing: lm_head.weight" in finding.found
    [absent] = check_model("/no/such/folder")
    assert absent.level is Level.ERROR
    assert "/no/such/folder" in absent.found


def test_a_model_that_does_not_fit_into_memory_is_an_error():
    *_, memory = check_model("", memory=1000)
    assert memory.level is Level.ERROR
    assert "0.0 GB are free" in memory.found

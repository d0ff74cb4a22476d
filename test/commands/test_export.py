from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from PIL import Image

from pixelrefer_ros.cli import main

EXPORT = ["export", "--model", "random-tiny"]


def test_an_encoder_is_written_and_used(tmp_path: Path, picture, capsys):
    for package in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(package)
    out = tmp_path / "encoder"
    assert main([*EXPORT, "--format", "onnx", "--out", str(out)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("vision_encoder.onnx: vision encoder of random-tiny (random weights)")
    assert float(lines[1].rpartition(" ")[2]) < 1e-4
    assert lines[2].startswith("opset 18, all operators in TensorRT's list: ")
    Image.fromarray(picture).save(tmp_path / "photo.png")
    ask = ["describe", str(tmp_path / "photo.png"), "--box", "10,10,40,30", "--json"]
    ask += ["--model", "random-tiny", "--max-new-tokens", "4"]
    assert main([*ask, "--encoder-backend", "onnxruntime", "--encoder-path", str(out)]) == 0


def test_a_model_without_export_is_told_how_to_get_one(tmp_path: Path, picture, capsys):
    Image.fromarray(picture).save(tmp_path / "photo.png")
    ask = [
        "describe",
        str(tmp_path / "photo.png"),
        "--box",
        "10,10,40,30",
        "--model",
        "random-tiny",
    ]
    assert main([*ask, "--encoder-backend", "onnxruntime"]) == 2
    assert "write it with `pixelrefer export --format onnx" in capsys.readouterr().err


@pytest.mark.parametrize("option", [["--dtype", "float16"], ["--build-only"], ["--device", "cuda"]])
def test_options_of_tensorrt_do_not_go_with_onnx(tmp_path, capsys, option):
    assert main([*EXPORT, "--format", "onnx", "--out", str(tmp_path), *option]) == 2
    assert f"{option[0]} does not go with --format onnx" in capsys.readouterr().err


def test_tensorrt_says_at_once_what_is_missing(tmp_path, capsys):
    if importlib.util.find_spec("tensorrt") is not None:
        pytest.skip("TensorRT is here")
    command = [*EXPORT, "--format", "tensorrt", "--device", "cpu", "--out", str(tmp_path)]
    assert main(command) == 2
    assert "TensorRT needs a CUDA device, the device is 'cpu'" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []

from __future__ import annotations

import numpy as np
import pytest
import torch

from pixelrefer_ros.engine.encoders.bucketed import BucketedEncoder
from pixelrefer_ros.errors import ExportError
from pixelrefer_ros.export import onnx_export
from pixelrefer_ros.export.onnx_export import export_onnx, largest_error
from pixelrefer_ros.model.pixelrefer import PixelRefer

onnx = pytest.importorskip("onnx")


def test_batch_and_length_are_free_and_nothing_else(exported_encoder):
    graph = onnx.load(str(exported_encoder / "vision_encoder.onnx")).graph
    shapes = {
        value.name: [size.dim_param or size.dim_value for size in value.type.tensor_type.shape.dim]
        for value in (*graph.input, *graph.output)
    }
    assert shapes == {
        "pixels": ["views", "patches", 588],
        "rotations": ["views", "patches", 16],
        "key_bias": ["views", "patches"],
        "features": ["views", "patches", 64],
    }
    assert [path.name for path in exported_encoder.iterdir()] == ["vision_encoder.onnx"]


def test_other_weights_are_seen(tiny_model_path, exported_encoder):
    model = PixelRefer.from_pretrained(tiny_model_path)
    path = exported_encoder / "vision_encoder.onnx"
    assert largest_error(model, path) < 1e-4
    with torch.no_grad():
        model.vision_encoder.encoder.layers[1].mlp.fc2.weight *= 1.5
    assert largest_error(model, path) > 1e-3


def test_what_is_no_number_is_no_agreement(tiny_model, exported_encoder, monkeypatch):
    """Not even in the last of the views."""
    encode = BucketedEncoder.encode

    def with_a_hole(self, views):
        *features, last = encode(self, views)
        return [*features, torch.full_like(last, torch.nan) if features else last]

    monkeypatch.setattr(BucketedEncoder, "encode", with_a_hole)
    assert np.isnan(largest_error(tiny_model, exported_encoder / "vision_encoder.onnx"))


def test_an_export_that_differs_leaves_no_file(tiny_model, tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_export, "LARGEST_ERROR", 1e-12)
    with pytest.raises(ExportError, match=r"differ from torch by .*; nothing was written"):
        export_onnx(tiny_model, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_large_weights_lie_in_a_file_beside(tiny_model, tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_export, "LARGEST_FILE", 0)
    written = export_onnx(tiny_model, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "vision_encoder.onnx",
        "vision_encoder.onnx.data",
    ]
    assert largest_error(tiny_model, written.path) == written.error
    assert np.isfinite(written.error)


def test_a_folder_that_cannot_be_written_is_named(tiny_model, tmp_path):
    path = tmp_path / "file"
    path.touch()
    with pytest.raises(ExportError, match=r"--out '.*file' cannot be written: File exists"):
        export_onnx(tiny_model, path)

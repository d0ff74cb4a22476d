from __future__ import annotations

from dataclasses import fields, replace

import pytest

from pixelrefer_ros.engine.encoders.exported_files import EngineKey, find_onnx, onnx_digest
from pixelrefer_ros.errors import ExportError

KEY = EngineKey("NVIDIA Orin (nvgpu)", "10.3.0", "ab12", "float16")


def test_an_engine_is_named_after_all_it_depends_on():
    name = KEY.file_name()
    assert name.startswith("vision_encoder.NVIDIA_Orin_nvgpu.float16.")
    assert name == replace(KEY).file_name()
    others = [replace(KEY, **{field.name: "other"}).file_name() for field in fields(KEY)]
    assert len({name, *others}) == 5


def test_what_runs_together_in_a_name_is_still_apart():
    assert replace(KEY, gpu="A B").file_name() != replace(KEY, gpu="A-B").file_name()


def test_the_digest_counts_the_weights_beside_the_graph(tmp_path):
    path = tmp_path / "vision_encoder.onnx"
    path.write_bytes(b"graph")
    alone = onnx_digest(path)
    (tmp_path / "vision_encoder.onnx.data").write_bytes(b"weights")
    with_weights = onnx_digest(path)
    (tmp_path / "vision_encoder.onnx.data").write_bytes(b"weightz")
    assert len({alone, with_weights, onnx_digest(path)}) == 3


def test_a_folder_without_export_is_told_how_to_get_one(tmp_path):
    with pytest.raises(ExportError, match=f"pixelrefer export --format onnx .* --out {tmp_path}"):
        find_onnx(tmp_path)

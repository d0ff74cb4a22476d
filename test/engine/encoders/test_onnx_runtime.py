from __future__ import annotations

import pytest
import torch

from pixelrefer_ros.engine.encoders.graph_inputs import GraphInputs
from pixelrefer_ros.engine.encoders.onnx_runtime import OnnxRuntime
from pixelrefer_ros.errors import ExportError, InferenceError

CPU = torch.device("cpu")


def test_as_many_views_as_memory_allows(exported_encoder):
    runtime = OnnxRuntime(exported_encoder / "vision_encoder.onnx", CPU)
    assert [runtime.max_batch(length) for length in (64, 576, 8192, 32768)] == [128, 14, 1, 1]


def test_inputs_of_another_encoder_are_refused(exported_encoder):
    runtime = OnnxRuntime(exported_encoder / "vision_encoder.onnx", CPU)
    inputs = GraphInputs(torch.zeros(1, 4, 300), torch.zeros(1, 4, 16), torch.zeros(1, 4))
    with pytest.raises(InferenceError, match="ONNX Runtime failed"):
        runtime.run(inputs)


@pytest.mark.parametrize("keep", [0, 1000, -1000])
def test_a_damaged_file_is_named(exported_encoder, tmp_path, keep):
    path = tmp_path / "vision_encoder.onnx"
    path.write_bytes((exported_encoder / path.name).read_bytes()[:keep])
    with pytest.raises(ExportError, match=r"ONNX Runtime cannot read '.*vision_encoder.onnx'"):
        OnnxRuntime(path, CPU)


def test_a_graph_of_something_else_is_named(exported_encoder, tmp_path):
    onnx = pytest.importorskip("onnx")
    model = onnx.load(exported_encoder / "vision_encoder.onnx")
    model.graph.input[0].name = "image"
    for node in model.graph.node:
        node.input[:] = ["image" if name == "pixels" else name for name in node.input]
    path = tmp_path / "other.onnx"
    onnx.save(model, path)
    with pytest.raises(ExportError, match="no exported vision encoder: it reads image, rotations"):
        OnnxRuntime(path, CPU)


def test_a_gpu_needs_the_package_for_gpus(exported_encoder):
    onnxruntime = pytest.importorskip("onnxruntime")
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime computes on CUDA")
    with pytest.raises(ExportError, match="install onnxruntime-gpu"):
        OnnxRuntime(exported_encoder / "vision_encoder.onnx", torch.device("cuda:0"))

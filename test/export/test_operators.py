from __future__ import annotations

from pathlib import Path

import pytest

from pixelrefer_ros.errors import ExportError
from pixelrefer_ros.export.operators import check_operators

onnx = pytest.importorskip("onnx")
FLOAT, DOUBLE = onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE


def write(path: Path, *nodes, opset: int = 18, kind: int = FLOAT, extra=(), rank: int = 2) -> Path:
    """Write a graph from x to y, both [2, 3]."""
    value = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        nodes, "g", [value("x", kind, [2, 3]), *extra], [value("y", kind, [None] * rank)]
    )
    opsets = [onnx.helper.make_opsetid("", opset)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opsets), path)
    return path


def node(operator: str, *inputs: str, output: str = "y", **attributes):
    return onnx.helper.make_node(operator, list(inputs or ["x"]), [output], **attributes)


def test_the_exported_encoder_is_all_in_the_list(exported_encoder):
    summary = check_operators(exported_encoder / "vision_encoder.onnx")
    assert summary.opset == 18
    assert summary.operators["Softmax"] == 2
    assert summary.operators["LayerNormalization"] == 5


def test_an_operator_tensorrt_does_not_read_is_named(tmp_path):
    path = write(tmp_path / "g.onnx", node("Tanh", output="t"), node("Bernoulli", "t"))
    with pytest.raises(ExportError, match="the operator Bernoulli"):
        check_operators(path)


def test_a_type_tensorrt_does_not_have_is_named(tmp_path):
    with pytest.raises(ExportError, match="values of type DOUBLE; Tanh of type DOUBLE"):
        check_operators(write(tmp_path / "g.onnx", node("Tanh"), kind=DOUBLE))


def test_an_opset_that_is_too_new_is_named(tmp_path):
    with pytest.raises(ExportError, match=r"opset 21 \(it reads 9 to 20\)"):
        check_operators(write(tmp_path / "g.onnx", node("Tanh"), opset=21))


def test_axes_have_to_be_constant(tmp_path):
    axes = onnx.helper.make_tensor_value_info("axes", onnx.TensorProto.INT64, [1])
    path = write(tmp_path / "g.onnx", node("Unsqueeze", "x", "axes"), extra=[axes], rank=3)
    with pytest.raises(ExportError, match="Unsqueeze whose input 1 is not constant"):
        check_operators(path)


def test_a_damaged_file_is_named(tmp_path):
    path = tmp_path / "g.onnx"
    path.write_bytes(b"not a graph")
    with pytest.raises(ExportError, match="is no valid ONNX file"):
        check_operators(path)

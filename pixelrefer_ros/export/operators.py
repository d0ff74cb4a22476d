"""Is a graph made of what TensorRT reads? Answered without TensorRT, from its published list."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from pixelrefer_ros.engine.optional_packages import require
from pixelrefer_ros.errors import ExportError

LIST = Path(__file__).with_name("tensorrt_operators.json")
"""Names its source. `constant_inputs` are positions at which only constants are read."""

TYPE_NAMES = {
    "FLOAT": "FP32",
    "FLOAT16": "FP16",
    "BFLOAT16": "BF16",
    "INT32": "INT32",
    "INT64": "INT64",
    "INT8": "INT8",
    "UINT8": "UINT8",
    "BOOL": "BOOL",
}
"""ONNX's names of the types that TensorRT has at all, and TensorRT's."""

DEFAULT_DOMAINS = ("", "ai.onnx")


class GraphSummary(NamedTuple):
    """What a graph is made of: its opset and its operators, each with how often it occurs."""

    opset: int
    operators: dict[str, int]


def check_operators(path: Path) -> GraphSummary:
    """Read an ONNX file and compare it with the list.

    Raises `ExportError` that names every operator, opset and type that is not in the list, and
    for a file that is no valid ONNX.
    """
    onnx = require("onnx", "export", ExportError)
    try:
        onnx.checker.check_model(str(path), full_check=True)
        model = onnx.load(str(path), load_external_data=False)
        types = _types(onnx, onnx.shape_inference.infer_shapes(model).graph)
    except Exception as error:
        raise ExportError(f"'{path}' is no valid ONNX file: {error}") from error
    listed = json.loads(LIST.read_text(encoding="utf-8"))
    opsets = {entry.domain: entry.version for entry in model.opset_import}
    opset = next((opsets[domain] for domain in DEFAULT_DOMAINS if domain in opsets), 0)
    lowest, highest = listed["opset_range"]
    problems = []
    if not lowest <= opset <= highest:
        problems.append(f"opset {opset} (it reads {lowest} to {highest})")
    constants = {tensor.name for tensor in model.graph.initializer} | {
        output for node in model.graph.node if node.op_type == "Constant" for output in node.output
    }
    foreign = sorted(set(types.values()) - set(TYPE_NAMES))
    problems += [f"values of type {name}" for name in foreign]
    for node in model.graph.node:
        problems += _node_problems(node, listed["operators"], types, constants)
    if problems:
        raise ExportError(
            f"TensorRT cannot read '{path}': it holds {'; '.join(dict.fromkeys(problems))}"
        )
    names = [node.op_type for node in model.graph.node]
    return GraphSummary(opset, {name: names.count(name) for name in sorted(set(names))})


def _node_problems(
    node: Any, listed: dict[str, Any], types: dict[str, str], constants: set[str]
) -> Iterator[str]:
    if node.domain not in DEFAULT_DOMAINS or node.op_type not in listed:
        yield f"the operator {'.'.join(filter(None, (node.domain, node.op_type)))}"
        return
    entry = listed[node.op_type]
    found = types.get((*node.input, *node.output)[0], "unknown")  # shapes and axes come later
    if TYPE_NAMES.get(found) not in entry["types"]:
        yield f"{node.op_type} of type {found}"
    for position in entry.get("constant_inputs", ()):
        if position < len(node.input) and node.input[position] not in {"", *constants}:
            yield f"{node.op_type} whose input {position} is not constant"


def _types(onnx: Any, graph: Any) -> dict[str, str]:
    """Return the name of the element type of every value in a graph."""
    values = [*graph.input, *graph.value_info, *graph.output]
    types = {value.name: value.type.tensor_type.elem_type for value in values}
    types |= {tensor.name: tensor.data_type for tensor in graph.initializer}
    return {name: str(onnx.TensorProto.DataType.Name(number)) for name, number in types.items()}

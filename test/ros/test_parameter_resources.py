"""Folders and packages that parameters name, looked for when the parameters are set."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import rclpy
from huggingface_hub import constants
from rclpy.node import Node
from rclpy.parameter import Parameter

from pixelrefer_ros.engine.encoders.exported_files import ONNX_FILE
from pixelrefer_ros.ros import parameter_resources
from pixelrefer_ros.ros.parameter_changes import ParameterChanges
from pixelrefer_ros.ros.parameters import declare_parameters

Refusal = Callable[..., str]


@pytest.fixture
def start() -> Iterator[Callable[..., Refusal]]:
    """Start a node that is not configured; what it returns sets values together."""
    context = rclpy.Context()
    rclpy.init(context=context)
    nodes: list[Node] = []

    def make(**given: str) -> Refusal:
        node = Node("parameters", context=context, parameter_overrides=parameters(given))
        nodes.append(node)
        declare_parameters(node)
        ParameterChanges(node, is_in=lambda _: False, on_change=lambda: None)
        return lambda **values: node.set_parameters_atomically(parameters(values)).reason

    yield make
    for node in nodes:
        node.destroy_node()
    context.try_shutdown()


def parameters(values: dict[str, str]) -> list[Parameter]:
    return [Parameter(name.replace("__", "."), value=value) for name, value in values.items()]


@pytest.fixture
def sam2(tmp_path) -> str:
    """A folder that says it is a SAM 2."""
    return str(write_config(tmp_path / "sam2", {"model_type": "sam2_video"}))


def write_config(folder: Path, values: dict[str, str]) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(values))
    return folder


@pytest.mark.parametrize("finder", ["regions.segmenter", "regions.propagator"])
@pytest.mark.parametrize("path", ["", "/nowhere", "nobody/no-such-sam2", "models/random-tiny", "/"])
def test_sam2_needs_its_weights(start, finder, path):
    reason = start(regions__sam2_path=path)(**{finder: "sam2"})
    assert reason.startswith(f"{finder} is 'sam2', regions.sam2_path '{path}': ")
    assert "SAM 2" in reason
    assert reason.endswith(
        "set regions.sam2_path first, to a folder of SAM 2 or a downloaded hub id"
    )


def test_what_is_set_together_is_judged_together(start, sam2):
    refusal = start()
    assert refusal(regions__sam2_path="/nowhere") == ""  # nothing needs it
    assert refusal(regions__segmenter="sam2", regions__sam2_path=sam2) == ""
    assert refusal(regions__propagator="sam2") == ""
    assert "'/nowhere' cannot be loaded" in refusal(regions__sam2_path="/nowhere")
    assert refusal(regions__segmenter="none", regions__propagator="flow") == ""
    assert refusal(regions__sam2_path="/nowhere") == ""


def test_a_bad_start_can_be_put_right_one_by_one(start):
    refusal = start(
        regions__segmenter="sam2",
        regions__propagator="sam2",
        encoder__backend="tensorrt",
        model__path="/nowhere",
    )
    for name, value in {
        "regions.segmenter": "none",
        "regions.propagator": "none",
        "encoder.backend": "torch",
        "model.path": "random-tiny",
    }.items():
        assert refusal(**{name: value}) == ""


@pytest.mark.parametrize(
    ("backend", "extra"), [("onnxruntime", "export"), ("tensorrt", "tensorrt")]
)
def test_an_encoder_backend_needs_its_package(start, monkeypatch, backend, extra):
    monkeypatch.setattr(parameter_resources, "find_spec", lambda name: None)
    assert start()(encoder__backend=backend) == (
        f"encoder.backend is '{backend}': there is no Python package of that name; "
        f"get it with `pip install '.[{extra}]'` in a checkout of pixelrefer_ros"
    )


def test_an_encoder_backend_needs_an_exported_encoder(start, monkeypatch, tmp_path):
    monkeypatch.setattr(parameter_resources, "find_spec", lambda name: object())
    refusal = start(model__path="random-tiny")
    reason = refusal(encoder__backend="onnxruntime")
    assert reason.startswith("encoder.backend is 'onnxruntime', encoder.path '': there is no")
    assert "random-tiny'; write it with `pixelrefer export" in reason
    assert str(tmp_path) in refusal(encoder__backend="onnxruntime", encoder__path=str(tmp_path))
    (tmp_path / ONNX_FILE).touch()
    assert refusal(encoder__backend="onnxruntime", encoder__path=str(tmp_path)) == ""
    assert "encoder.path ''" in refusal(encoder__path="")
    write_config(tmp_path / "model", {})
    assert refusal(model__path=str(tmp_path / "model")) == ""


def test_a_model_has_a_config(start, tmp_path):
    refusal = start()
    reason = refusal(model__path=str(tmp_path))
    assert reason.startswith(f"model.path is '{tmp_path}': there is no config.json; name a model")
    for path in ("no-such-model", "/nowhere", "nobody/no-such-model", "-/-", "a/b@c@d"):
        reason = refusal(model__path=path)
        assert reason.startswith(f"model.path is '{path}': ")
        assert reason.endswith("name a model folder, a shipped model or a downloaded hub id")
    write_config(tmp_path / "model", {})
    for path in ("", "random-tiny", str(tmp_path / "model")):
        assert refusal(model__path=path) == ""


def test_a_downloaded_hub_id_is_a_model(start, monkeypatch, tmp_path):
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    commit = "0123456789" * 4
    repository = tmp_path / "models--owner--name"
    write_config(repository / "snapshots" / commit, {})
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)
    refusal = start()
    assert refusal(model__path="owner/name") == ""
    assert refusal(model__path=f"owner/name@{commit}") == ""
    assert "there is no config.json" in refusal(model__path="owner/name@other")
    assert "there is no config.json" in refusal(model__path="owner/other")

from __future__ import annotations

from collections.abc import Iterator

import pytest
import rclpy
from rclpy.exceptions import InvalidParameterValueException
from rclpy.node import Node
from rclpy.parameter import Parameter

from pixelrefer_ros.ros.parameters import (
    CAMERA_PARAMETERS,
    PARAMETERS,
    CameraSettings,
    declare_parameters,
    read_settings,
)


@pytest.fixture
def make_node() -> Iterator:
    context = rclpy.Context()
    rclpy.init(context=context)
    nodes: list[Node] = []

    def make(**overrides: object) -> Node:
        parameters = [
            Parameter(name.replace("__", "."), value=value) for name, value in overrides.items()
        ]
        nodes.append(Node("settings", context=context, parameter_overrides=parameters))
        return nodes[-1]

    yield make
    for node in nodes:
        node.destroy_node()
    context.try_shutdown()


def test_every_parameter_is_declared_with_a_description_and_numbers_with_a_range(make_node):
    node = make_node()
    declare_parameters(node)
    names = [parameter.name for parameter in PARAMETERS]
    names += [f"cameras.camera.{parameter.name}" for parameter in CAMERA_PARAMETERS]
    for name in names:
        descriptor = node.describe_parameter(name)
        assert descriptor.description.endswith(".")
        assert "Takes effect at " in descriptor.additional_constraints
        if isinstance(node.get_parameter(name).value, (int, float)):
            assert descriptor.integer_range or descriptor.floating_point_range, name


def test_each_camera_has_parameters_of_its_own(make_node):
    node = make_node(
        camera_names=["front", "wrist"],
        cameras__front__topic="/front",
        cameras__wrist__transport="compressed",
    )
    declare_parameters(node)
    assert read_settings(node).cameras == (
        CameraSettings("front", "/front", "raw"),
        CameraSettings("wrist", "/camera/image_raw", "compressed"),
    )


def test_cameras_named_after_the_start_are_declared_when_read(make_node):
    node = make_node()
    declare_parameters(node)
    node.set_parameters([Parameter("camera_names", value=["late"])])
    assert read_settings(node).cameras[0].name == "late"


@pytest.mark.parametrize(
    "override", [{"request__max_batch": 0}, {"buffer__seconds": -1.0}, {"model__threads": 1000}]
)
def test_values_out_of_range_are_refused(make_node, override):
    node = make_node(**override)
    with pytest.raises(InvalidParameterValueException, match="out of range"):
        declare_parameters(node)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ({"camera_names": ["a", "a"]}, "camera_names is"),
        ({"camera_names": [""]}, "camera_names is"),
        ({"cameras__camera__topic": ""}, "cameras.camera.topic is ''"),
        ({"cameras__camera__topic": "no topic!"}, "cameras.camera.topic is 'no topic!'"),
        ({"cameras__camera__transport": "h264"}, "transport is 'h264', must be one of raw, comp"),
        ({"model__dtype": "float8"}, "model.dtype is 'float8', must be one of auto, float32"),
        ({"encoder__backend": "jax"}, "encoder.backend is 'jax', must be one of torch, onnx"),
    ],
)
def test_settings_that_make_no_sense_are_named(make_node, override, message):
    node = make_node(**override)
    declare_parameters(node)
    with pytest.raises(ValueError, match=message):
        read_settings(node)

"""The parameter files agree with the node, and the Fast DDS profile is one Fast DDS loads."""

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / "config"
PROFILES = ("perception.yaml", "jetson_orin.yaml", "a100.yaml")
NAMESPACE = "{http://www.eprosima.com/XMLSchemas/fastRTPS_Profiles}"

parameters = pytest.importorskip("pixelrefer_ros.ros.parameters")


def load(name: str) -> dict[str, Any]:
    """Read a parameter file as {"model.device": "cuda", ...}."""
    content = yaml.safe_load((CONFIG / name).read_text(encoding="utf-8"))
    assert list(content) == ["/**"], "parameters must hold in any namespace"
    return dict(flatten(content["/**"]["ros__parameters"]))


def flatten(tree: dict[str, Any], prefix: str = "") -> Any:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def known() -> dict[str, Any]:
    table = {parameter.name: parameter for parameter in parameters.PARAMETERS}
    for parameter in parameters.CAMERA_PARAMETERS:
        table[f"cameras.camera.{parameter.name}"] = parameter
    return table


def test_perception_yaml_holds_every_parameter_at_its_default() -> None:
    assert load("perception.yaml") == {
        name: parameter.default for name, parameter in known().items()
    }


@pytest.mark.parametrize("profile", PROFILES)
def test_values_have_the_type_and_range_of_their_parameter(profile: str) -> None:
    for name, value in load(profile).items():
        parameter = known()[name]
        assert type(value) is type(parameter.default), name
        if parameter.low is not None:
            assert parameter.low <= value <= parameter.high, name


def test_perception_yaml_tells_the_range_of_every_number() -> None:
    lines = (CONFIG / "perception.yaml").read_text(encoding="utf-8").splitlines()
    for name, parameter in known().items():
        key = name.rsplit(".", 1)[-1]
        line = next(line for line in lines if line.strip().startswith(f"{key}:"))
        if parameter.low is not None:
            assert f"{parameter.low} to {parameter.high}" in line, name


def test_fastdds_profile_replaces_the_builtin_transports() -> None:
    root = ElementTree.parse(CONFIG / "fastdds.xml").getroot()
    transports = {
        descriptor.findtext(f"{NAMESPACE}transport_id"): descriptor
        for descriptor in root.iter(f"{NAMESPACE}transport_descriptor")
    }
    used = [
        element.text for element in root.iter(f"{NAMESPACE}userTransports") for element in element
    ]
    assert sorted(used) == sorted(transports)
    shared_memory = transports["large_shared_memory"]
    size = int(shared_memory.findtext(f"{NAMESPACE}maxMessageSize", "0"))
    assert size >= 1920 * 1080 * 3, "a 1080p colour image does not fit into one message"
    assert int(shared_memory.findtext(f"{NAMESPACE}segment_size", "0")) >= 4 * size
    assert root.find(f".//{NAMESPACE}useBuiltinTransports").text == "false"  # type: ignore[union-attr]

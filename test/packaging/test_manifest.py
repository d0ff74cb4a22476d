"""package.xml, CMakeLists.txt and the code agree with each other."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pixelrefer_ros

ROOT = Path(__file__).resolve().parents[2]
MANIFEST = ElementTree.parse(ROOT / "package.xml").getroot()
CMAKE = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")


def declared() -> set[str]:
    return {str(element.text) for element in MANIFEST if element.tag.endswith("depend")}


def test_version_is_the_same_everywhere() -> None:
    assert MANIFEST.findtext("version") == pixelrefer_ros.__version__
    assert f"## {pixelrefer_ros.__version__} " in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_what_cmake_finds_is_declared() -> None:
    found = set(re.findall(r"find_package\((\w+)", CMAKE))
    assert "rosidl_default_generators" in found
    assert found <= declared()


def test_ros_packages_that_the_code_imports_are_declared() -> None:
    source = "\n".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "pixelrefer_ros").rglob("*.py")
    )
    imported = set(
        re.findall(r"^\s*(?:from|import) (\w+_msgs|\w+_interfaces|rclpy)\b", source, re.M)
    )
    assert "sensor_msgs" in imported
    assert imported <= declared()


def test_cmake_generates_every_interface_file() -> None:
    files = {
        f"{folder}/{path.name}"
        for folder in ("msg", "srv", "action")
        for path in (ROOT / folder).iterdir()
    }
    assert set(re.findall(r'"((?:msg|srv|action)/[\w.]+)"', CMAKE)) == files

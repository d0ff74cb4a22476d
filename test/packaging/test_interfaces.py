"""The interface files are what planners rely on: names, order, constants and comments."""

import re
from pathlib import Path

import pytest

from pixelrefer_ros.errors import ErrorCode

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(path for folder in ("msg", "srv", "action") for path in (ROOT / folder).glob("*.*"))
CONSTANT = re.compile(r"^(?P<type>\w+)\s+(?P<name>[A-Z][A-Z0-9_]*)\s*=\s*(?P<value>\S+)\s*#")
FIELD = re.compile(r"^(?P<type>[\w/]+(\[\])?)\s+(?P<name>[a-z]\w*)\s*(?P<comment>#.*)?$")

EXPECTED = {
    "RegionReference.msg": [
        "std_msgs/Header header",
        "string object_id",
        "sensor_msgs/RegionOfInterest roi",
        "sensor_msgs/Image mask",
        "geometry_msgs/Polygon polygon",
    ],
    "RegionQuery.msg": [
        "string camera",
        "string prompt",
        "RegionReference[] regions",
        "uint8 num_frames",
        "builtin_interfaces/Duration history",
        "builtin_interfaces/Duration max_frame_age",
        "builtin_interfaces/Duration timeout",
        "uint16 max_new_tokens",
        "bool return_masks",
    ],
    "RegionAnswer.msg": [
        "string[] object_ids",
        "string text",
        "float32 confidence",
        "bool truncated",
        "uint32 generated_tokens",
    ],
    "RegionResult.msg": [
        "uint16 error_code",
        "string error_msg",
        "RegionAnswer[] answers",
        "RegionReference[] regions",
        "builtin_interfaces/Duration queue_time",
        "builtin_interfaces/Duration preprocess_time",
        "builtin_interfaces/Duration encode_time",
        "builtin_interfaces/Duration generate_time",
        "string model_id",
    ],
    "DescribeRegion.srv": ["RegionQuery query", "---", "RegionResult result"],
    "ListFrames.srv": ["string camera", "---", "std_msgs/Header[] frames"],
    "DescribeRegion.action": [
        "RegionQuery query",
        "---",
        "RegionResult result",
        "---",
        "uint8 stage",
        "uint16 queue_position",
        "uint16 answer",
        "string delta",
    ],
}


def statements(path: Path) -> list[str]:
    """All lines that declare something, with their comments."""
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def test_every_file_is_known() -> None:
    assert sorted(path.name for path in FILES) == sorted(EXPECTED)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_fields_have_their_names_order_and_types(path: Path) -> None:
    declared = [line for line in statements(path) if not CONSTANT.match(line)]
    assert [" ".join(line.split("#")[0].split()) for line in declared] == EXPECTED[path.name]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_field_is_commented_and_numbers_have_a_unit(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for line in statements(path):
        field = FIELD.match(line)
        if field is None:
            assert line == "---" or CONSTANT.match(line), line
            continue
        comment = (field["comment"] or "").lstrip("# ") + continuation(text, line)
        assert len(comment) > 10, f"{path.name}: {field['name']} is not explained"
        if field["type"] in ("float32", "uint32", "builtin_interfaces/Duration"):
            assert re.search(r"\[.+\]", comment), f"{path.name}: {field['name']} has no unit"


def continuation(text: str, line: str) -> str:
    """The comment lines right below a declaration."""
    rest = text.split(line, 1)[1].splitlines()[1:]
    lines = []
    for below in rest:
        if not below.strip().startswith("#"):
            break
        lines.append(below.strip().lstrip("# "))
    return " " + " ".join(lines)


def test_result_constants_are_the_error_codes() -> None:
    lines = statements(ROOT / "msg" / "RegionResult.msg")
    constants = [match for line in lines if (match := CONSTANT.match(line))]
    assert {match["name"]: int(match["value"]) for match in constants} == {
        code.name: code.value for code in ErrorCode
    }
    assert {match["type"] for match in constants} == {"uint16"}


def test_generated_classes_agree_with_the_files() -> None:
    msg = pytest.importorskip("pixelrefer_ros.msg")
    for path in (ROOT / "msg").glob("*.msg"):
        names = [line.split()[1] for line in EXPECTED[path.name]]
        assert list(getattr(msg, path.stem).get_fields_and_field_types()) == names
    assert all(getattr(msg.RegionResult, code.name) == code for code in ErrorCode)

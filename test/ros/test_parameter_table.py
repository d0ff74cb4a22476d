from __future__ import annotations

import re

import pytest

from pixelrefer_ros.ros.parameter_table import markdown_table, replace_table
from pixelrefer_ros.ros.parameters import CAMERA_PARAMETERS, PARAMETERS


def test_every_parameter_has_a_row_in_order():
    names = [parameter.name for parameter in PARAMETERS]
    place = names.index("camera_names") + 1
    names[place:place] = [f"cameras.<name>.{parameter.name}" for parameter in CAMERA_PARAMETERS]
    assert re.findall(r"^\| `([\w.<>]+)` \|", markdown_table(), re.MULTILINE) == names


def test_a_row_tells_default_limits_and_effect():
    rows = markdown_table().splitlines()
    assert (
        "| `buffer.seconds` | `10.0` | 0.1 to 3600.0 | at once | Age at which a frame leaves, s |"
        in rows
    )
    [camera_names] = [row for row in rows if "`camera_names`" in row]
    assert camera_names.startswith("| `camera_names` | `[camera]` |  | at activate |")
    [backend] = [row for row in rows if "`encoder.backend`" in row]
    assert "[docs/export.md](docs/export.md)" in backend


def test_only_the_table_is_replaced():
    page = "before\n\n| parameter | old |\n|---|---|\n| `gone` | 1 |\n\n| other | table |\n"
    replaced = replace_table(page)
    assert replaced == f"before\n\n{markdown_table()}\n| other | table |\n"
    assert replace_table(replaced) == replaced
    with pytest.raises(ValueError, match="0 tables of parameters"):
        replace_table("no table\n")

"""The table of parameters in the README, written from their descriptors."""

from __future__ import annotations

import re

from pixelrefer_ros.ros.parameter import Parameter, Value
from pixelrefer_ros.ros.parameters import PARAMETERS, camera_parameters

HEADING = "| parameter | default | limits | takes effect | meaning |\n|---|---|---|---|---|\n"


def markdown_table() -> str:
    """Write one row for each parameter, those of a camera once, below `cameras.<name>`."""
    rows = []
    for parameter in PARAMETERS:
        rows.append(_row(parameter.name, parameter))
        if parameter.name == "camera_names":
            rows += [_row(name, camera) for name, camera in camera_parameters(["<name>"]).items()]
    return HEADING + "".join(rows)


def replace_table(page: str) -> str:
    """Return a page with its table of parameters written anew; raise `ValueError` without one."""
    replaced, count = re.subn(
        r"^\| parameter \|.*\n(?:\|.*\n)*", lambda _: markdown_table(), page, flags=re.MULTILINE
    )
    if count != 1:
        raise ValueError(f"the page has {count} tables of parameters, must have one")
    return replaced


def _row(name: str, parameter: Parameter) -> str:
    meaning = re.sub(r"\b(docs/[\w.]+\.md)\b", r"[\1](\1)", parameter.description.rstrip("."))
    cells = (f"`{name}`", _default(parameter.default), parameter.limits, parameter.effect.value)
    return f"| {' | '.join(cells)} | {meaning} |\n"


def _default(value: Value) -> str:
    if value == "":
        return ""
    return f"`[{', '.join(value)}]`" if isinstance(value, list) else f"`{value}`"

"""Who may import whom. `docs/architecture.md` draws it, this holds it."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "pixelrefer_ros"

ARROWS = {
    "model": {"errors"},
    "regions": {"errors"},
    "streams": {"errors"},
    "engine": {"errors", "model", "regions"},
    "ros": {
        "errors", "resources", "report", "doctor", "engine", "regions", "streams",
        "msg", "srv", "action",
    },
    "doctor": {"errors", "resources", "report", "model"},
    "demo": {"errors", "resources", "report", "regions", "streams", "ros"},
    "soak": {"errors", "resources", "ros", "demo"},
    "replay": {
        "errors", "report", "worker_processes", "datasets", "engine", "evaluation", "regions",
        "streams",
    },
    "live_replay": {"errors", "demo", "regions", "replay", "ros", "streams"},
    "commands": {
        "errors", "resources", "report", "engine", "regions", "streams", "ros", "demo",
        "soak", "datasets", "doctor", "evaluation", "export", "inspection", "live_replay", "motion",
        "replay", "simulation", "training",
    },
    "motion": {
        "errors", "report", "datasets", "demo", "evaluation", "regions", "ros", "streams",
    },
    "datasets": {"errors", "model", "regions"},
    "evaluation": {"errors", "datasets", "engine", "model", "regions"},
    "training": {"errors", "datasets", "evaluation", "model", "engine"},
    "export": {"errors", "engine", "model"},
    "inspection": {"errors", "engine", "model"},
    "simulation": {"errors", "worker_processes"},
    # single files
    "errors": set(),
    "resources": {"errors"},
    "worker_processes": set(),
    "report": {"errors", "engine"},
    "cli": {"errors", "commands", "engine", "__version__"},
    "__init__": {"engine", "regions"},
}  # fmt: skip
"""What each part may import besides itself. A new part needs a line, here and in the picture."""

ROS = re.compile(
    r"(rclpy|ament_index_python|cv_bridge|launch|launch_ros|tf2_ros|rosidl_\w+|\w+_msgs|\w+_srvs"
    r"|\w+_interfaces|pixelrefer_ros\.(msg|srv|action))(\.|$)"
)


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def part_of(path: Path) -> str:
    """Name the folder of a module, or the module itself when it lies in none."""
    relative = path.relative_to(PACKAGE)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the line and the dotted name of everything a module imports, wherever it does."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_follow_the_arrows(path: Path):
    part = part_of(path)
    assert part in ARROWS, f"say in ARROWS what {part} may import"
    for line, name in imports(path):
        root, _, rest = name.partition(".")
        if root == "pixelrefer_ros":
            used = rest.partition(".")[0]
            assert used in ARROWS[part] | {part}, f"{path}:{line}: {part} must not import {name}"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_ros_knows_ros(path: Path):
    if part_of(path) != "ros":
        for line, name in imports(path):
            assert not ROS.match(name), f"{path}:{line}: {name} belongs into ros/"


def test_a_forbidden_import_is_found(tmp_path: Path):
    path = tmp_path / "module.py"
    path.write_text("def f():\n    from sensor_msgs.msg import Image\n    import rclpy.node\n")
    assert [name for _, name in imports(path) if ROS.match(name)] == [
        "sensor_msgs.msg.Image",
        "rclpy.node",
    ]


def test_everything_but_what_runs_the_node_loads_without_ros():
    names = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in modules()
        if part_of(path) not in ("ros", "demo", "live_replay", "motion", "soak")
    ]
    script = f"""
import re, sys

class WithoutRos:
    def find_spec(self, name, path=None, target=None):
        if re.match({ROS.pattern!r}, name):
            raise ImportError(name + " is not there")

sys.meta_path.insert(0, WithoutRos())
import importlib
for name in {names!r}:
    importlib.import_module(name)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_page_tells_of_every_part():
    picture = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for part in {part_of(path) for path in modules()} - {"__init__"}:
        assert re.search(rf"\b{part}\b", picture), f"docs/architecture.md does not tell of {part}"

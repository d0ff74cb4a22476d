"""What README and docs tell people to type works, and what they point at exists."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from pixelrefer_ros.cli import main, make_parser
from pixelrefer_ros.errors import ErrorCode
from pixelrefer_ros.resources import find_demo
from pixelrefer_ros.streams.bag_choice import last_frame
from pixelrefer_ros.streams.bag_reader import BagReader

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
PAGES = [
    README,
    *(ROOT / folder / "README.md" for folder in ("demo", "models")),
    *sorted((ROOT / "docs").glob("*.md")),
]


def blocks(page: Path, language: str) -> list[str]:
    text = page.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    """List the shell commands of the README, continued lines joined."""
    joined = "".join(blocks(README, "sh")).replace("\\\n", " ")
    return [line for line in joined.splitlines() if line]


NOT_RUN = {
    "rosdep ": "needs an apt installation of ROS 2; test/packaging checks package.xml",
    "pip install -r ": "needs the network; test/packaging compares the file with setup.py",
    "colcon build": "`make colcon` runs it",
    ". install/": "`make colcon` runs it",
    "hf download ": "needs the network",
    "make test": "runs this",
}
"""Commands of the README that cannot be run inside a test, and why."""


@pytest.fixture(scope="module")
def node(tmp_path_factory) -> Iterator[Any]:
    pytest.importorskip("rclpy", reason="needs ROS 2")
    from live_node import LiveNode

    live_node = LiveNode(tmp_path_factory.mktemp("live_node"))
    yield live_node
    live_node.stop()


def run_without_ros(words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run it where the picture and the bag it names are."""
    bag = find_demo("table_top")
    (tmp_path / "recording").symlink_to(bag)
    frame = last_frame(BagReader(bag), "/camera/image_raw/compressed")
    (tmp_path / "photo.jpg").write_bytes(bytes(frame.image.data))
    monkeypatch.chdir(tmp_path)
    if "--download" in words:
        make_parser().parse_args(words[1:])  # the network is not there
    else:
        assert main(words[1:]) == 0


def check_make(words: list[str]) -> None:
    """See that the target exists and hands on every variable."""
    done = subprocess.run(["make", "-n", *words[1:]], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for variable in words[2:]:
        assert variable.partition("=")[2] in done.stdout


def check_launch(words: list[str]) -> None:
    assert words[:4] == ["ros2", "launch", "pixelrefer_ros", "perception.launch.py"]
    source = (ROOT / "launch" / words[3]).read_text(encoding="utf-8")
    for argument in words[4:]:
        assert f'"{argument.partition(":=")[0]}"' in source


def check_service_call(words: list[str]) -> None:
    """Fill the request as `ros2 service call` does."""
    pytest.importorskip("rclpy", reason="needs ROS 2")
    from pixelrefer_ros.srv import DescribeRegion

    assert words[2:5] == [
        "call", "/pixelrefer/describe_region", "pixelrefer_ros/srv/DescribeRegion",
    ]  # fmt: skip
    request = DescribeRegion.Request()
    fill(request, yaml.safe_load(words[5]))
    assert request.query.regions[0].roi.width == 115


def fill(message: Any, values: dict[str, Any]) -> None:
    from pixelrefer_ros.msg import RegionReference

    for name, value in values.items():
        if isinstance(value, dict):
            fill(getattr(message, name), value)
        elif isinstance(value, list):
            items = [RegionReference() for _ in value]
            for item, item_values in zip(items, value, strict=True):
                fill(item, item_values)
            setattr(message, name, items)
        else:
            assert type(getattr(message, name)) is type(value), name
            setattr(message, name, value)


@pytest.mark.parametrize("command", commands())
def test_the_commands_of_the_readme(command, request, tmp_path, monkeypatch):
    words = shlex.split(command)
    if command.startswith(tuple(NOT_RUN)):
        return
    if words[0] == "make":
        check_make(words)
    elif words[:2] in (["pixelrefer", "describe"], ["pixelrefer", "inspect"]):
        run_without_ros(words, tmp_path, monkeypatch)
    elif words[:2] == ["pixelrefer", "ask"]:
        done = request.getfixturevalue("node").ask(*words[2:])
        assert done.returncode == 0, done.stderr
    elif words[:2] == ["pixelrefer", "node"]:
        make_parser().parse_args(words[1:])
        assert "pixelrefer" in request.getfixturevalue("node").log()  # started by that command
    elif words[:2] == ["ros2", "launch"]:
        check_launch(words)
    elif words[:2] == ["ros2", "service"]:
        check_service_call(words)
    elif words[0] == "export":
        path = words[1].rpartition("share/pixelrefer_ros/")[2]
        assert (ROOT / path).is_file()
    else:
        pytest.fail(f"no test knows how to check `{command}`; name it in NOT_RUN with the reason")


@pytest.mark.parametrize("start", NOT_RUN)
def test_no_excuse_outlives_its_command(start):
    assert any(command.startswith(start) for command in commands())


def test_the_python_of_the_readme_runs_as_printed(tmp_path):
    frame = last_frame(BagReader(find_demo("table_top")), "/camera/image_raw/compressed")
    (tmp_path / "photo.jpg").write_bytes(bytes(frame.image.data))
    [script] = blocks(README, "python")
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert "Timing(" in done.stdout


def test_the_parameters_of_the_readme_are_those_of_two_cameras(tmp_path):
    rclpy = pytest.importorskip("rclpy", reason="needs ROS 2")
    from pixelrefer_ros.ros.parameters import declare_parameters, read_settings

    [text] = blocks(README, "yaml")
    (tmp_path / "robot.yaml").write_text(text)
    context = rclpy.Context()
    rclpy.init(args=["--ros-args", "--params-file", str(tmp_path / "robot.yaml")], context=context)
    node = rclpy.create_node("pixelrefer", context=context)
    declare_parameters(node)
    cameras = [(one.name, one.topic, one.transport) for one in read_settings(node).cameras]
    node.destroy_node()
    context.try_shutdown()
    assert cameras == [
        ("front", "/front/image_raw", "raw"),
        ("wrist", "/wrist/image_raw/compressed", "compressed"),
    ]


def test_the_example_for_planners_runs_as_printed(node, tmp_path):
    script = tmp_path / "example.py"
    script.write_text("".join(blocks(ROOT / "docs" / "planners.md", "python")))
    for _ in range(3):  # it has the patience of a robot, not of a computer that stalls
        done = node.python(str(script))
        if done.returncode == 0:
            break
    assert done.returncode == 0, done.stderr + node.log()
    answers, others = done.stdout.splitlines()[:2], done.stdout.splitlines()[2:]
    assert answers[0].startswith("cup: ")
    assert answers[1].startswith("spoon: ")
    assert re.fullmatch(r"heard so far '.+' NONE", others.pop(2))
    assert others == [
        "['cup', 'spoon'] camera",
        "planner heard True",
        "picked True ['cup']",
        "seen True",
        "watched ['cup']",
        "ended CANCELED",
        "patience 0",
    ]


def test_the_commands_about_replay_run_as_printed(tmp_path, monkeypatch):
    (tmp_path / "demo").symlink_to(ROOT / "demo")
    monkeypatch.chdir(tmp_path)
    ran = []
    for line in blocks(ROOT / "docs" / "replay.md", "sh")[0].splitlines():
        words = shlex.split(line)
        if "--ros" not in words:  # test/live_replay runs that
            assert main(words[1:]) == 0
            ran.append(words[1])
    assert ran == ["annotate", "replay"]
    assert (tmp_path / "out" / "annotated" / "queries.yaml").exists()
    assert (tmp_path / "out" / "replay" / "report.html").exists()


def test_the_command_about_inspection_runs_as_printed(tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    (tmp_path / "demo").symlink_to(ROOT / "demo")
    monkeypatch.chdir(tmp_path)
    [line] = blocks(ROOT / "docs" / "inspection.md", "sh")[0].splitlines()
    assert main(shlex.split(line)[1:]) == 0
    written = tmp_path / "docs" / "inspection"
    shown = ROOT / "docs" / "inspection"
    assert {path.name for path in written.iterdir()} == {path.name for path in shown.iterdir()}
    assert all(picture.stat().st_size < 150_000 for picture in shown.glob("*.png"))


def test_the_page_about_inspection_tells_of_every_number():
    text = (ROOT / "docs" / "inspection.md").read_text(encoding="utf-8")
    found = json.loads((ROOT / "docs" / "inspection" / "inspect.json").read_text(encoding="utf-8"))
    [question] = found["questions"]
    [values] = question["objects"]
    fields = [*found, *question, *question["attention"], *values]
    for field in fields:
        assert re.search(rf"`(\w+\.)?{field}\b", text), field


def test_the_page_about_replay_tells_of_every_field():
    from pixelrefer_ros.replay.queries import load_schema

    text = (ROOT / "docs" / "replay.md").read_text(encoding="utf-8")
    kinds = load_schema()["$defs"]
    for field in (*kinds["query"]["properties"], *kinds["region"]["properties"]):
        assert f"`{field}`" in text, field


def test_planners_can_look_up_every_error_code():
    text = (ROOT / "docs" / "planners.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \|", text, re.MULTILINE)
    assert rows == [(str(code.value), code.name) for code in ErrorCode]


def test_the_readme_lists_every_parameter_as_it_is_declared():
    pytest.importorskip("rclpy", reason="needs ROS 2")
    from pixelrefer_ros.ros.parameter_table import replace_table

    page = README.read_text(encoding="utf-8")
    assert page == replace_table(page), "run scripts/parameter_table"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_that_are_shown_are_commands(page):
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    for command in re.findall(r"^(?: {4})?pixelrefer (.+)$", text, re.MULTILINE):
        make_parser().parse_args(shlex.split(command, comments=True))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        if "://" not in target:
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_that_are_named_exist(page):
    text = page.read_text(encoding="utf-8")
    package = (ROOT / "pixelrefer_ros").iterdir()
    folders = "|".join(part.name for part in package if (part / "__init__.py").is_file())
    for name in re.findall(rf"`(?:pixelrefer_ros/)?((?:{folders})/[\w/]+\.py)`", text):
        assert (ROOT / "pixelrefer_ros" / name).is_file(), name
    for name in re.findall(r"`((?:config|launch|msg|srv|test|requirements)/[\w./]+)`", text):
        assert (ROOT / name).exists(), name


def test_the_picture_of_the_readme_is_small():
    assert (ROOT / "docs" / "demo.jpg").stat().st_size < 150_000

"""The launch file cannot run without ROS's launch tools, so its source is checked."""

import ast
from pathlib import Path

import pytest

from pixelrefer_ros.cli import make_parser

ROOT = Path(__file__).resolve().parents[2]
SOURCE = (ROOT / "launch" / "perception.launch.py").read_text(encoding="utf-8")
TREE = ast.parse(SOURCE)

ARGUMENTS = {
    "namespace",
    "params_file",
    "use_sim_time",
    "autostart",
    "log_level",
    "camera_topic",
    "model",
    "build_only",
}


def calls(name: str) -> list[ast.Call]:
    return [
        node
        for node in ast.walk(TREE)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name
    ]


def first_string(call: ast.Call) -> str:
    value = ast.literal_eval(call.args[0])
    assert isinstance(value, str)
    return value


def keyword(call: ast.Call, name: str) -> ast.expr:
    return next(item.value for item in call.keywords if item.arg == name)


def test_it_compiles() -> None:
    compile(SOURCE, "perception.launch.py", "exec")


def test_the_arguments_are_the_promised_ones() -> None:
    assert {first_string(call) for call in calls("DeclareLaunchArgument")} == ARGUMENTS


@pytest.mark.parametrize("call", calls("DeclareLaunchArgument"), ids=first_string)
def test_every_argument_has_a_description_and_a_default(call: ast.Call) -> None:
    assert len(ast.literal_eval(keyword(call, "description"))) > 10
    default = keyword(call, "default_value")
    choices = [item.value for item in call.keywords if item.arg == "choices"]
    if choices:
        assert ast.literal_eval(default) in ast.literal_eval(choices[0])


def test_every_configuration_used_is_declared_and_every_declared_one_used() -> None:
    assert {first_string(call) for call in calls("LaunchConfiguration")} == ARGUMENTS


def test_it_starts_what_the_package_installs() -> None:
    (node,) = calls("LifecycleNode")
    package = ast.literal_eval(keyword(node, "package"))
    executable = ast.literal_eval(keyword(node, "executable"))
    assert ast.literal_eval(keyword(node, "name")) == "pixelrefer"
    assert f"<name>{package}</name>" in (ROOT / "package.xml").read_text(encoding="utf-8")
    assert (ROOT / "scripts" / executable).stat().st_mode & 0o111


def test_build_only_runs_a_command_that_is_installed_and_understood() -> None:
    (process,) = calls("ExecuteProcess")
    constants = [c for c in ast.walk(keyword(process, "cmd")) if isinstance(c, ast.Constant)]
    constants.sort(key=lambda constant: (constant.lineno, constant.col_offset))
    words = [str(constant.value) for constant in constants]
    *_, library, _, executable = words[: words.index("export")]
    assert (library, executable) == ("lib", "pixelrefer")
    assert f"scripts/{executable} " in (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
    arguments = make_parser().parse_args([*words[words.index("export") :], "engines"])
    assert (arguments.format, arguments.build_only) == ("tensorrt", True)
    assert (arguments.model, str(arguments.out)) == ("model", "engines")


def test_its_imports_are_declared_dependencies() -> None:
    manifest = (ROOT / "package.xml").read_text(encoding="utf-8")
    imported = {
        node.module.split(".")[0]
        for node in ast.walk(TREE)
        if isinstance(node, ast.ImportFrom) and node.module
    }
    assert imported
    for package in imported:
        assert f"depend>{package}</" in manifest, package

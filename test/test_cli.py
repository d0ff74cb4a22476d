from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from pixelrefer_ros import __version__
from pixelrefer_ros.cli import main
from pixelrefer_ros.commands import bench

COMMANDS = (
    "describe", "node", "ask", "doctor", "demo", "annotate", "replay", "simulate", "train",
    "evaluate", "score", "motion",
    "inspect", "bench", "ablate", "export", "soak",
)  # fmt: skip


def outcome(capsys, *arguments: str) -> tuple[int, str, str]:
    """Run a command line; return exit status, standard output and standard error."""
    try:
        status = main(arguments)
    except SystemExit as leaving:  # argparse
        status = leaving.code
    output, errors = capsys.readouterr()
    return status, output, errors


def test_help_tells_every_command_in_one_line(capsys):
    status, output, _ = outcome(capsys, "--help")
    assert status == 0
    for command in COMMANDS:
        [line] = [line for line in output.splitlines() if line.startswith(f"    {command} ")]
        assert len(line.split()) > 3
    assert max(map(len, output.splitlines())) <= 100


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help_with_an_example(capsys, command):
    status, output, _ = outcome(capsys, command, "--help")
    assert status == 0
    assert output.startswith(f"usage: pixelrefer {command} ")
    assert "examples:" in output or '[{"box"' in output
    assert max(map(len, output.splitlines())) <= 100


@pytest.mark.parametrize("command", COMMANDS)
def test_no_option_goes_without_a_word(capsys, command):
    _, output, _ = outcome(capsys, command, "--help")
    lines = output.splitlines()
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if line.startswith("  --"):
            assert "  " in line.strip() or following.startswith(" " * 20), line


def test_version(capsys):
    assert outcome(capsys, "--version") == (0, f"pixelrefer {__version__}\n", "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "pixelrefer: the following arguments are required: COMMAND"),
        (["draw"], "pixelrefer: argument COMMAND: invalid choice: 'draw'"),
        (["ask", "--colour", "red"], "pixelrefer ask: unrecognized arguments: --colour red"),
        (["ask", "--prom", "what"], "pixelrefer ask: unrecognized arguments: --prom what"),
    ],
)
def test_a_wrong_command_line_is_answered_in_one_line(capsys, arguments, message):
    status, output, errors = outcome(capsys, *arguments)
    assert (status, output) == (2, "")
    assert errors.startswith(message)
    assert errors.count("\n") == 1


@pytest.mark.parametrize("module", ["rclpy", "pixelrefer_ros.msg"])
@pytest.mark.parametrize("command", [["node"], ["ask", "--box", "1,2,3,4"], ["demo"]])
def test_without_ros_one_line_says_what_is_missing_and_how_to_get_it(
    capsys, monkeypatch, command, module
):
    monkeypatch.setitem(sys.modules, module, None)
    status, output, errors = outcome(capsys, *command)
    assert (status, output) == (2, "")
    assert errors.startswith(f"pixelrefer {command[0]}: this command needs ROS 2")
    assert f"'{module}'" in errors
    assert "make setup" in errors
    assert "/opt/ros/jazzy/setup.bash" in errors
    assert errors.count("\n") == 1


def test_too_little_memory_is_said_in_one_line(capsys, monkeypatch):
    monkeypatch.setattr(bench, "run", lambda _: torch.empty(2**60))
    status, _, errors = outcome(capsys, "bench")
    assert status == 2
    assert errors.startswith("pixelrefer bench: out of memory: ")
    assert errors.count("\n") == 1


def test_other_mistakes_are_told_whole(monkeypatch):
    monkeypatch.setattr(bench, "run", lambda _: int("one"))
    with pytest.raises(ValueError, match="invalid literal"):
        main(["bench"])


def test_help_is_quick_because_it_does_not_load_the_network():
    script = "import sys, pixelrefer_ros.cli; print('torch' in sys.modules, 'rclpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout == "False False\n", done.stderr

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pixelrefer_ros.cli import main
from pixelrefer_ros.commands.node import ros_arguments
from pixelrefer_ros.errors import CommandError
from pixelrefer_ros.resources import find_config


def test_the_default_parameters_come_first_and_the_users_arguments_last():
    parameters = {"model.path": None, "cameras.camera.topic": "/image"}
    assert ros_arguments(None, parameters, ["-r", "__ns:=/robot1"]) == [
        "--ros-args", "--params-file", str(find_config("perception.yaml")),
        "-p", 'cameras.camera.topic:="/image"', "-r", "__ns:=/robot1",
    ]  # fmt: skip


def test_a_parameter_file_replaces_the_default(tmp_path):
    path = tmp_path / "robot.yaml"
    path.touch()
    assert ros_arguments(path, {}) == ["--ros-args", "--params-file", str(path)]
    with pytest.raises(CommandError, match=r"--params-file 'missing\.yaml' is not a file"):
        ros_arguments(Path("missing.yaml"), {})


def test_a_missing_model_is_told_before_ros_starts(capsys):
    pytest.importorskip("rclpy", reason="needs ROS 2")
    assert main(["node", "--model", "missing"]) == 2
    assert capsys.readouterr().err.startswith("pixelrefer node: model is 'missing': no such folder")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--colour", "red"], "ROS arguments cannot be read: ['--colour', 'red']"),
        (["-p", "request.timeout:=-1.0"], "request.timeout out of range"),
        (["--model", "1.0"], "model is '1.0': no such folder"),
    ],
)
def test_wrong_arguments_end_the_process(tmp_path, arguments, message):
    pytest.importorskip("rclpy", reason="needs ROS 2")
    done = subprocess.run(
        [sys.executable, "-m", "pixelrefer_ros.cli", "node", *arguments],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr

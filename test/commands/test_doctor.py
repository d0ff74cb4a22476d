from __future__ import annotations

import json

import pytest

from pixelrefer_ros.cli import main


@pytest.fixture
def without_ros(monkeypatch):
    monkeypatch.setattr("pixelrefer_ros.commands.doctor.find_spec", lambda name: None)


def test_without_ros_the_rest_is_checked(without_ros, capsys):
    assert main(["doctor", "--json", "--model", "random-tiny"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["ok"] is True
    findings = {finding["what"]: finding for finding in report["findings"]}
    assert set(findings["torch"]) == {"level", "what", "found", "cure"}
    assert findings["torch"]["level"] == "ok"
    assert findings["model"]["level"] == "warn"
    assert findings["ROS 2"]["level"] == "info"
    assert "left out" in findings["ROS 2"]["found"]


def test_something_wrong_is_exit_status_1_and_every_word_is_there(without_ros, capsys):
    long_name = "/no/such/" + 30 * "folder"
    assert main(["doctor", "--model", long_name, "--topic", "/camera/image_raw"]) == 1
    printed = capsys.readouterr().out
    assert "error" in printed
    assert "…" not in printed
    text = " ".join(printed.replace("│", " ").split())
    assert "source /opt/ros/jazzy/setup.bash" in text


def test_wrong_options_are_exit_status_2(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["doctor", "--topics", "/a"])
    assert ended.value.code == 2
    assert "--topics" in capsys.readouterr().err

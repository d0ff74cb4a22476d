from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from pixelrefer_ros.cli import main
from pixelrefer_ros.commands import train


def test_a_wrong_configuration_is_answered_in_one_line(tmp_path: Path, capsys):
    pytest.importorskip("accelerate")
    config = tmp_path / "stage.yaml"
    config.write_text("output: here\n")
    assert main(["train", str(config)]) == 2
    errors = capsys.readouterr().err
    assert errors == "pixelrefer train: start is missing\n"


def test_a_missing_package_is_named_with_the_way_to_get_it(tmp_path: Path, capsys, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        train.importlib.util, "find_spec", lambda name: None if name == "accelerate" else find(name)
    )
    assert main(["train", str(tmp_path / "stage.yaml")]) == 2
    errors = capsys.readouterr().err
    assert "needs the Python package 'accelerate'" in errors
    assert "make setup" in errors


def test_what_is_missing_from_the_data_is_said(tmp_path: Path, capsys, monkeypatch):
    pytest.importorskip("accelerate")
    root = Path(__file__).resolve().parents[2]
    config = root / "config" / "training" / "tabletop_words.yaml"
    output = tmp_path / "out"
    monkeypatch.chdir(tmp_path)  # a checkout may hold the data
    assert main(["train", str(config), "--set", f"output={output}"]) == 2
    errors = capsys.readouterr().err
    assert "annotations.json: not readable" in errors
    assert not output.exists()

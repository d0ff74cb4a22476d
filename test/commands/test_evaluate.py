from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from known_answers import PICTURES, write_discs

from pixelrefer_ros.cli import main
from pixelrefer_ros.errors import DeviceError
from pixelrefer_ros.evaluation.judging import TASKS
from pixelrefer_ros.simulation.renderer import Renderer

ROOT = Path(__file__).resolve().parents[2]


def test_the_output_is_one_json_object(tmp_path):
    write_discs(tmp_path)
    (tmp_path / "0.png").write_bytes(b"")
    options = ["--data", str(tmp_path), "--model", "random-tiny", "--json"]
    command = [sys.executable, "-m", "pixelrefer_ros.cli", "evaluate", *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert {*TASKS, "small_regions", "mistakes", "model", "data", "regions"} <= {*found}
    assert found["colour"]["n"] == PICTURES - 1
    assert found["part"] == {"accuracy": None, "n": 0}
    assert found["dtype"] == "float32"
    assert found["left_out"] == 4
    assert "left out annotations.json[0]: " in done.stderr
    assert "17/17" in done.stderr


def test_a_table_for_people(tmp_path, capsys):
    write_discs(tmp_path)
    options = ["--data", str(tmp_path), "--model", "random-tiny", "--tasks", "yes_no,motion"]
    assert main(["evaluate", *options, "--limit", "3"]) == 0
    output = capsys.readouterr().out
    rows = [line.strip("│ ").split("│") for line in output.splitlines() if line[:1] == "│"]
    found = {row[0].strip(): [cell.strip() for cell in row[1:5]] for row in rows}
    assert found["yes_no"][:2] == ["0.0 %", "3"]
    assert found["motion"] == ["0.0 %", "1", "-", "0"]
    assert "colour" not in found
    assert "The model 'random-tiny' has random weights" in output


def test_quantised_weights_are_evaluated_and_named(tmp_path, capsys):
    pytest.importorskip("torchao")
    write_discs(tmp_path)
    options = ["--data", str(tmp_path), "--model", "random-tiny", "--tasks", "yes_no"]
    assert main(["evaluate", *options, "--limit", "2", "--quantization", "int8"]) == 0
    assert "random-tiny (random weights), float32+int8, on " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "give either --data or --benchmark"),
        (["--data", "a", "--benchmark", "lvis"], "give either --data or --benchmark"),
        (["--data", "nowhere"], "nowhere/annotations.json: not readable"),
        (["--data", "nowhere", "--tasks", "colour,taste"], "'taste' is none of colour, category"),
        (["--data", "nowhere", "--limit", "0"], "at least 1"),
        (["--data", "a", "--out", "b"], "--out does not go with --data"),
        (["--data", "a", "--annotations", "b"], "--annotations does not go with --data"),
        (["--data", "a", "--images", "b"], "--images does not go with --data"),
        (["--data", "a", "--engine", "single"], "--engine does not go with --data"),
        (["--data", "a", "--workers", "2"], "--workers does not go with --data"),
        (["--data", "a", "--page", "b"], "--page does not go with --data"),
        (
            ["--data", "a", "--sam2-path", "b"],
            "--sam2-path does not go with --data without --propagation",
        ),
        (
            ["--data", "a", "--propagation", "flow", "--tasks", "colour"],
            "--tasks does not go with --propagation",
        ),
        (["--data", "nowhere", "--model", "none"], "model is 'none': no such folder"),
    ],
)
def test_what_is_wrong_is_said(capsys, options, message):
    try:
        status = main(["evaluate", *options])
    except SystemExit as leaving:  # argparse
        status = leaving.code
    assert status == 2
    output, errors = capsys.readouterr()
    assert output == ""
    assert message in errors.splitlines()[-1]


def test_what_simulate_writes_can_be_evaluated(tmp_path, capsys):
    try:
        Renderer().close()
    except DeviceError as error:
        pytest.skip(str(error))
    data = tmp_path / "data"
    assert main(["simulate", "--out", str(data), "--scenes", "1", "--clips", "2"]) == 0
    options = ["--data", str(data), "--model", "random-tiny", "--limit", "2", "--json"]
    assert main(["evaluate", *options]) == 0
    found = json.loads(capsys.readouterr().out)
    asked = Counter(
        record["task"] for record in json.loads((data / "annotations.json").read_text())
    )
    assert asked["motion"]
    assert {task: found[task]["n"] for task in TASKS} == {t: min(2, asked[t]) for t in TASKS}
    assert found["left_out"] == 0

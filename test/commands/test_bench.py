from __future__ import annotations

import json

from pixelrefer_ros.cli import main

OPTIONS = ["--model", "random-tiny", "--runs", "2"]


def test_the_output_is_one_json_object(capsys):
    assert main(["bench", *OPTIONS, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["model"] == "random-tiny (random weights)"
    assert (found["device"], found["dtype"], found["new_tokens"]) == ("cpu", "float32", 8)
    assert [call["regions"] for call in found["calls"]] == [1, 8]
    for call in found["calls"]:
        assert call["runs"] == 2
        assert 0 < sum(call["stages"].values()) < call["p95_s"] * 1.5
    assert found["load_s"] > 0
    assert found["peak_memory_mb"] > 100


def test_a_table_for_people(capsys):
    assert main(["bench", *OPTIONS]) == 0
    output = capsys.readouterr().out
    assert "random-tiny (random weights), float32 on cpu: " in output
    rows = [line.split("│")[1:-1] for line in output.splitlines() if line[:1] == "│"]
    assert [row[0].strip() for row in rows] == ["1", "8"]
    assert all(float(cell) > 0 for row in rows for cell in row[1:3])
    assert "2 calls each, 8 new tokens for each region" in output


def test_a_device_that_is_not_there_is_said(capsys):
    assert main(["bench", "--model", "random-tiny", "--device", "tpu"]) == 2
    assert "device is 'tpu'" in capsys.readouterr().err

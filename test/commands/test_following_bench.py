from __future__ import annotations

import json

import pytest
from small_sam2 import save_video_model

from pixelrefer_ros.cli import main

SMALL = ["--image", "160x120", "--runs", "4"]


def test_every_size_and_number_of_objects_is_measured(capsys):
    sizes = ["--image", "160x120,320x240", "--regions", "1,2", "--runs", "4"]
    assert main(["bench", "--propagation", "flow", *sizes, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["machine"]["device"] == "cpu"
    assert [(row["image"], row["objects"]) for row in found["rows"]] == [
        ("160x120", 1), ("160x120", 2), ("320x240", 1), ("320x240", 2),
    ]  # fmt: skip
    for row in found["rows"]:
        assert (row["propagator"], row["steps"], row["seen"]) == ("flow", 4, 1.0)
        assert 0 < row["median_s"] <= row["p95_s"]
        assert row["growth_bytes"] < row["peak_bytes"]


def test_sam2_stands_beside_flow(capsys, tmp_path):
    model = str(save_video_model(tmp_path))
    options = ["--propagation", "flow,sam2", "--sam2-path", model, "--regions", "1"]
    assert main(["bench", *options, *SMALL]) == 0
    output = capsys.readouterr().out
    rows = [line.split("|")[1:-1] for line in output.splitlines() if "160x120" in line]
    assert [row[0].strip() for row in rows] == ["flow", "sam2"]
    assert float(rows[0][6]) == 1.0
    assert float(rows[1][6]) == pytest.approx(float(rows[1][4]) / float(rows[0][4]), rel=0.1)
    assert "4 steps each" in output


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--propagation", "none"], "'none' is none of flow, sam2"),
        (["--propagation", "flow", "--runs", "1"], "runs is 1, following is measured over at lea"),
        (["--propagation", "flow", "--regions", "99"], "regions is 99, a picture of 160x120 has"),
        (["--propagation", "sam2", "--sam2-path", "nowhere"], "SAM 2 model 'nowhere' cannot be"),
        (["--propagation", "flow", "--device", "tpu"], "device is 'tpu'"),
    ],
)
def test_what_cannot_be_measured_is_said(capsys, options, message):
    try:
        status = main(["bench", *SMALL, "--regions", "1", *options])
    except SystemExit as leaving:
        status = leaving.code
    assert status == 2
    assert message in capsys.readouterr().err

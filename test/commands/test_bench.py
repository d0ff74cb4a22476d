from __future__ import annotations

import json

import pytest
import torch

from pixelrefer_ros.cli import main
from pixelrefer_ros.commands.bench import RANDOM_WEIGHTS
from pixelrefer_ros.engine.dynamic_int8 import can_multiply
from pixelrefer_ros.model.random_weights import CONFIGS

SMALL = ["--image", "160x120", "--tokens", "3", "--runs", "2"]
TINY = ["--model", "random-tiny", *SMALL]


def test_the_output_is_one_json_object(capsys):
    options = ["--regions", "1,2", "--frames", "1,3", "--json"]
    assert main(["bench", *TINY, *options]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["machine"]["device"] == "cpu"
    assert found["machine"]["matmul_flops_per_s"] > 0
    assert found["machine"]["copy_bytes_per_s"] > 0
    assert found["load_s"] > 0
    kinds = [(row["regions"], row["frames"]) for row in found["rows"]]
    assert kinds == [(1, 1), (2, 1), (1, 3), (2, 3)]
    for row in found["rows"]:
        assert row["model"] == "random-tiny (random weights)"
        assert (row["device"], row["dtype"], row["tokens"]) == ("cpu", "float32", 3)
        assert row["speedup"] == pytest.approx(row["reference_median_s"] / row["median_s"])
        assert 0 < sum(row["stages"].values()) < row["p95_s"] * 1.5
        assert row["stages_p95"].keys() == row["stages"].keys()
        assert row["peak_bytes"] > 0
        assert row["flops"] > row["paper_flops"]["prefill"] > 0


def test_tables_for_people(capsys):
    assert main(["bench", *TINY, "--regions", "1,4"]) == 0
    output = capsys.readouterr().out
    assert "random-tiny (random weights), float32 on cpu: " in output
    rows = [line.split("|")[1:-1] for line in output.splitlines() if line.startswith("| 160x120")]
    assert [row[1].strip() for row in rows] == ["1", "4"] * 3
    for row in rows[:2]:
        assert all(float(cell) > 0 for cell in row[3:])
    assert "2 calls each, 3 new tokens for each region" in output


def test_the_papers_tables(capsys):
    assert main(["bench", *TINY, "--paper"]) == 0
    output = capsys.readouterr().out
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in output.splitlines()
        if line.startswith("| ")
    ]
    of_paper = [row for row in rows if row[0] == "PixelRefer-Lite-2B, paper"]
    assert of_paper == [
        ["PixelRefer-Lite-2B, paper", "-", "0.03", "-", "-", "0.11", "-"],
        ["PixelRefer-Lite-2B, paper", "A100 80 GB", "4.9", "0.88", "5.2", "0.68"],
    ]
    operations, costs = (row for row in rows if row[0].startswith("random-tiny"))
    assert 20 * 32 < int(operations[4]) < 20 * 64
    assert all(float(cell) > 0 for cell in [*operations[1:], *costs[2:]])
    assert costs[1].endswith("float32")


def test_random_weights_and_a_chart(capsys, tmp_path):
    chart = tmp_path / "chart.png"
    options = ["--random-weights", "tabletop", "--regions", "1", "--chart", str(chart), "--json"]
    assert main(["bench", *SMALL, *options, "--image", "160x120,320x240"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert [row["image"] for row in rows] == ["160x120", "320x240"]
    assert {row["model"] for row in rows} == {"tabletop (random weights)"}
    assert chart.read_bytes().startswith(b"\x89PNG")


def test_a_chart_that_cannot_be_drawn_leaves_the_figures(capsys, tmp_path):
    chart = tmp_path / "chart.png"
    chart.mkdir()
    assert main(["bench", *TINY, "--regions", "1", "--json", "--chart", str(chart)]) == 2
    output, errors = capsys.readouterr()
    assert len(json.loads(output)["rows"]) == 1
    assert f"--chart {chart}: cannot be written: " in errors


@pytest.mark.parametrize("weights", ["--model=random-tiny", "--random-weights=tabletop"])
@pytest.mark.parametrize("name", ["int8", "int8_dynamic"])
def test_quantised_weights_are_named(capsys, weights, name):
    if name == "int8":
        pytest.importorskip("torchao")
    elif not can_multiply(torch.device("cpu")):
        pytest.skip("this processor has no VNNI")
    options = [*SMALL, "--regions=1", f"--quantization={name}", "--json"]
    assert main(["bench", weights, *options]) == 0
    [row] = json.loads(capsys.readouterr().out)["rows"]
    assert row["dtype"] == f"float32+{name}"


def test_all_sizes_can_be_chosen():
    assert set(RANDOM_WEIGHTS) == set(CONFIGS)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--device", "tpu"], "device is 'tpu'"),
        (["--quantization", "int4"], "quantization is 'int4', which computes in bfloat16"),
        (["--random-weights", "tabletop"], "exclude each other"),
        (["--chart", "nowhere/chart.png"], "--chart is 'nowhere/chart.png'"),
        (["--tokens", "99999"], "tokens is 99999, must be at most "),
        (["--sam2-path", "sam2"], "--sam2-path does not go with answers, only with --propagation"),
        (["--propagation", "flow"], "--model does not go with --propagation"),
        (["--chart", "chart.txt"], "--chart is 'chart.txt'"),
        (["--regions", "17"], "regions is 17"),
        (["--paper", "--frames", "2"], "--paper has its own --regions and --frames"),
    ],
)
def test_what_cannot_be_measured_is_said(capsys, options, message):
    assert main(["bench", "--model", "random-tiny", "--image", "100x100", *options]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--dtype", "--quantization", "--tokens"])
def test_what_only_answers_have_does_not_go_with_following(capsys, option):
    value = {"--dtype": "float32", "--quantization": "none", "--tokens": "32"}[option]
    assert main(["bench", "--propagation", "flow", option, value]) == 2
    assert f"{option} does not go with --propagation" in capsys.readouterr().err

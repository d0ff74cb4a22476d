from __future__ import annotations

import json
import sys

import numpy as np
import pytest
from PIL import Image

from pixelrefer_ros.cli import main

BOX = ("--box", "0,0,20,20")
FEW = ("--max-new-tokens", "3", "--model", "random-tiny")


def test_it_draws_says_in_short_and_names_the_files(capsys, photo, tmp_path):
    pytest.importorskip("matplotlib")
    out = tmp_path / "new" / "out"
    polygon = ("--polygon", "40,30 80,30 80,60 40,60", "--object-id", "cup", "--object-id", "table")
    assert main(["inspect", photo, *BOX, *polygon, *FEW, "--out", str(out)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "'random-tiny' has random weights. Its words are noise" in lines[0]
    assert lines[1].startswith("Please describe the region <region> in the image in detail.")
    assert "mean of the layers: " in lines[2]
    assert "% to object tokens, " in lines[2]
    assert "image tokens" not in lines[2]
    assert lines[3].startswith("  cup: ")
    assert " object tokens, mean cosine " in lines[3]
    assert lines[6].startswith("  table: ")
    names = [f"{name}_{k}.png" for k in (1, 2) for name in ("attention", "object", "similarity")]
    assert lines[7:] == [str(out / name) for name in (*names, "inspect.json")]
    assert sorted(path.name for path in out.iterdir()) == sorted([*names, "inspect.json"])
    found = json.loads((out / "inspect.json").read_text())
    assert [question["objects"][0]["name"] for question in found["questions"]] == ["cup", "table"]


def test_the_answer_is_that_of_describe(capsys, photo, tmp_path):
    pytest.importorskip("matplotlib")
    question = (photo, *BOX, "--prompt", "Is <region> open?", *FEW)
    assert main(["describe", *question, "--json"]) == 0
    [described] = json.loads(capsys.readouterr().out)
    assert main(["inspect", *question, "--out", str(tmp_path)]) == 0
    [inspected] = json.loads((tmp_path / "inspect.json").read_text())["questions"]
    assert inspected["answer"] == described["text"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "no region: give at least one"),
        ([*BOX, "--frame", "1"], "--frame is 1, the images are 0 to 0"),
        ([*BOX, "--bag", "recording"], "give either IMAGE files or --bag"),
        (["--box", "0,0,0,20"], "regions[0]: box width is 0, must be at least 1 pixel"),
        (["--box", "-5,0,9,9"], "regions[0]: box covers x -5 to 4, the image x 0 to 160"),
        (["--box", "150,0,20,9"], "regions[0]: box covers x 150 to 170, the image x 0 to 160"),
        (["--polygon", "1,1 9,9"], "regions[0]: polygon has 2 points"),
        (["--point", "5,5", "--segmenter", "none"], "regions[0]: points need a segmenter"),
        ([*BOX, "--prompt", "<region><region>"], "prompt has 2 <region>"),
        ([*BOX, "--model", "missing"], "model is 'missing': no such folder"),
        ([*BOX, "--device", "tpu"], "device is 'tpu', must be auto, cpu, cuda"),
        ([*BOX, "--max-new-tokens", "0"], "'0' is not a whole number of at least 1"),
        ([*BOX, "--out", "photo.png"], "--out 'photo.png' cannot be written: File exists"),
        ([*BOX, "--out", "photo.png/x"], "--out 'photo.png/x' cannot be written: Not a directory"),
    ],
)
def test_bad_input_is_answered_in_one_line(
    capsys, photo, tmp_path, monkeypatch, arguments, message
):
    monkeypatch.chdir(tmp_path)
    found = outcome(capsys, photo, "--model", "random-tiny", "--out", "out", *arguments)
    assert message in found
    assert not list(tmp_path.glob("**/*.json"))


def test_bad_files(capsys, photo, tmp_path):
    assert "image 'missing.png' cannot be read" in outcome(
        capsys, "missing.png", *BOX, "--out", str(tmp_path)
    )
    Image.fromarray(np.zeros((120, 160), np.uint8)).save(tmp_path / "empty.png")
    nothing = ("--mask", str(tmp_path / "empty.png"))
    assert "regions[0]: mask covers 0 pixels, at least 1 is needed" in outcome(
        capsys, photo, *nothing, *FEW, "--out", str(tmp_path)
    )


def test_the_folder_must_be_named(capsys, photo):
    assert "the following arguments are required: --out" in outcome(capsys, photo, *BOX)


def test_without_matplotlib_the_extra_is_named(capsys, photo, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    found = outcome(capsys, photo, *BOX, "--out", str(tmp_path))
    assert "pixelrefer inspect needs the Python package 'matplotlib'" in found
    assert "pip install '.[inspect]'" in found


def outcome(capsys, *arguments: str) -> str:
    """Run a command that must refuse its input in one line; return that line."""
    try:
        status = main(["inspect", *arguments])
    except SystemExit as leaving:
        status = leaving.code
    output, errors = capsys.readouterr()
    assert (status, output) == (2, "")
    assert errors.startswith("pixelrefer inspect: ")
    assert errors.count("\n") == 1
    return errors

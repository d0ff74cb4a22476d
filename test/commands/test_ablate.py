from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from drawn_shapes import settings
from known_answers import PICTURES, write_discs

from pixelrefer_ros.cli import main
from pixelrefer_ros.training.ablation_tables import BEGIN, END

pytest.importorskip("accelerate")
pytest.importorskip("matplotlib")


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Two steps on a few discs."""
    monkeypatch.chdir(tmp_path)
    write_discs(tmp_path)
    data = {"files": [{"path": "annotations.json", "tasks": ["colour"]}], "workers": 0}
    values = settings(tmp_path, tmp_path / "unused", data=data, steps=2)
    (tmp_path / "ablation.yaml").write_text(yaml.safe_dump(values))
    return ["ablate", "ablation.yaml", "--data", ".", "--out", "out"]


def lines(out: Path) -> list[tuple[str, int]]:
    path = out / "results.jsonl"
    written = path.read_text().splitlines() if path.is_file() else []
    return [(run["variant"], run["seed"]) for run in map(json.loads, written)]


def test_what_is_missing_is_run_and_written_into_the_page(command, tmp_path, capsys):
    (tmp_path / "page.md").write_text(f"{BEGIN}\n{END}\n")
    out = tmp_path / "out"
    assert main([*command, "--variant", "saot", "--seed", "1"]) == 0
    assert lines(out) == [("saot", 1)]
    both = [*command, "--variant", "saot,no_global", "--seed", "0,1", "--tables", "page.md"]
    assert main(both) == 0
    expected = [("saot", 1), ("saot", 0), ("no_global", 0), ("no_global", 1)]
    assert lines(out) == expected
    assert "4/4: no_global, seed 1" in capsys.readouterr().out
    page = (tmp_path / "page.md").read_text()
    assert page.count("| local | 2 |") == 2
    assert f"colour {PICTURES}" in page
    assert main(both) == 0
    assert lines(out) == expected
    assert main([*command, "--variant", "saot", "--seed", "1", "--again"]) == 0
    assert lines(out) == [*expected, ("saot", 1)]
    assert main(["ablate", "--out", "out", "--tables", "page.md"]) == 0
    assert "| local | 2 |" in (tmp_path / "page.md").read_text()


def test_a_run_that_fails_does_not_hold_up_the_others(command, tmp_path, capsys):
    (tmp_path / "out" / "saot-0" / "checkpoint-1").mkdir(parents=True)
    assert main([*command, "--variant", "saot,no_local"]) == 2
    errors = capsys.readouterr().err
    assert "saot, seed 0: output: out/saot-0 holds checkpoint-1 of another run" in errors
    assert "1 of 2 runs failed" in errors
    assert lines(tmp_path / "out") == [("no_local", 0)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--data", "nowhere"], "nowhere/annotations.json: not readable"),
        (["--set", "data.files=[{path: none.json, tasks: [caption]}]"], "no tasks among colour"),
        (["--out", "ablation.yaml"], "ablation.yaml/results.jsonl: not readable"),
        (["--out", "ablation.yaml/new"], "ablation.yaml/new/results.jsonl: not readable"),
        (["--out", "dangling"], "dangling/results.jsonl: cannot be written"),
    ],
)
def test_what_would_fail_later_is_refused_before_the_first_run(
    command, tmp_path, capsys, options, message
):
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    assert main([*command, *options]) == 2
    said = capsys.readouterr()
    assert message in said.err
    assert "saot" not in said.out


def test_results_of_other_settings_are_refused_before_the_first_run(command, tmp_path, capsys):
    assert main([*command, "--variant", "saot"]) == 0
    capsys.readouterr()
    assert main([*command, "--variant", "saot", "--limit", "3", "--again"]) == 2
    said = capsys.readouterr()
    assert "out/results.jsonl: holds results of another configuration" in said.err
    assert "saot" not in said.out
    assert lines(tmp_path / "out") == [("saot", 0)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "give CONFIG, --tables or both"),
        (["c.yaml", "--variant", "saot,none"], "'none' is none of all, saot, tokens_1"),
        (["c.yaml", "--seed", "0,x"], "'0,x' is no list of whole numbers"),
        (["c.yaml"], "c.yaml: not readable"),
        (["--tables", "page.md", "--out", "nowhere"], "page.md: No such file"),
    ],
)
def test_what_is_wrong_is_said(capsys, tmp_path, monkeypatch, options, message):
    monkeypatch.chdir(tmp_path)
    try:
        status = main(["ablate", *options])
    except SystemExit as leaving:  # argparse
        status = leaving.code
    assert status == 2
    assert message in capsys.readouterr().err.splitlines()[-1]

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

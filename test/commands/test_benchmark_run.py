from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from pixelrefer_ros.cli import main
from pixelrefer_ros.commands.benchmark_run import NAMES
from pixelrefer_ros.commands.benchmark_tables import markdown, put_on_page
from pixelrefer_ros.errors import CommandError
from pixelrefer_ros.evaluation.benchmarks import ray_answering
from pixelrefer_ros.evaluation.benchmarks.answering import answer
from pixelrefer_ros.evaluation.benchmarks.catalogue import BENCHMARKS
from pixelrefer_ros.simulation.tablerefer import SEED

sys.path.insert(0, str(Path(__file__).parents[1] / "evaluation" / "benchmarks"))
import discs
import samples


def evaluate(*options: str, model: str = "random-tiny") -> int:
    return main(["evaluate", "--model", model, "--device", "cpu", *options])


def say_seed(folder: Path, seed: int) -> None:
    (folder / "simulation.json").write_text(json.dumps({"seed": seed}))


def test_every_benchmark_has_its_name():
    assert set(NAMES) == set(BENCHMARKS)


def test_a_published_benchmark_is_asked_and_scored(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    images = samples.write_pictures(tmp_path / "images")
    samples.write_pictures(images / "clips" / "disc")
    data = ["--annotations", str(samples.videorefer_q(tmp_path)), "--images", str(images)]
    assert evaluate("--benchmark", "videorefer-bench-q", *data, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["questions"], found["left_out"]) == (1, 0)
    assert found["model"] == "random-tiny (random weights)"
    report = found["scores"]["model"][""]
    assert report["values"] == {"choice_accuracy": 0.0}
    assert report["by_type"]["choice_accuracy"]["Basic Questions"] == {"value": 0.0, "n": 1}
    [line] = discs.lines(tmp_path / found["results"])
    assert line["answer"] == "(A) A disc"


def test_what_a_judge_has_to_score_is_said(tmp_path, capsys):
    images = samples.write_pictures(tmp_path / "images")
    data = ["--annotations", str(samples.dlc_bench(tmp_path)), "--images", str(images)]
    assert evaluate("--benchmark", "dlc-bench", *data, "--out", str(tmp_path / "out")) == 0
    output = capsys.readouterr().out
    assert "dlc_positive: " in output
    assert "--judge-url" in output
    assert "The model 'random-tiny' has random weights" in output


def test_the_own_benchmark_stands_beside_the_blind(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(
        BENCHMARKS["tablerefer"].metrics, "phrase", ("siou",)
    )  # captions need Java and seconds
    monkeypatch.setitem(BENCHMARKS["tablerefer"].metrics, "category", ("category_accuracy",))
    monkeypatch.setitem(BENCHMARKS["tablerefer"].metrics, "description", ("attribute_precision",))
    images = discs.write_benchmark(tmp_path / "discs").parent
    say_seed(images, SEED)
    page = tmp_path / "page.md"
    page.write_text("Before.\n<!-- tablerefer -->\nold\n<!-- /tablerefer -->\nAfter.\n")
    options = ["--benchmark", "tablerefer", "--images", str(images), "--page", str(page)]
    assert evaluate(*options) == 0
    output = capsys.readouterr().out
    assert "without picture" in output
    assert "most frequent" in output
    assert "random-tiny (random weights) on tablerefer: 22 questions; answers in out/" in output
    text = page.read_text()
    assert text.startswith("Before.\n<!-- tablerefer -->\n\n| task | metric | model | without")
    assert "| qa | answer_accuracy | 0.000 | 0.000 | " in text
    assert "old" not in text
    assert text.endswith("<!-- /tablerefer -->\nAfter.\n")
    assert evaluate(*options, "--limit", "1") == 2
    assert "another run, which differs in limit; give" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "sample", "changed", "old", "new"),
    [
        ("vg", samples.coco, "vg.json", "a red disc", "a blue disc"),
        ("dlc-bench", samples.dlc_bench, "qa.json", "Which colour?", "Which hue?"),
        ("dlc-bench", samples.dlc_bench, "class_names.json", "disc", "ball"),
        ("ferret-bench", samples.ferret_bench, "answer.jsonl", "it rolls", "it is"),
        ("ferret-bench", samples.ferret_bench, "context.jsonl", "red", "blue"),
    ],
)
def test_answers_to_other_questions_are_not_taken(
    tmp_path, capsys, monkeypatch, name, sample, changed, old, new
):
    monkeypatch.setitem(BENCHMARKS["vg"].metrics, "", ("meteor",))
    images = samples.write_pictures(tmp_path / "images")
    options = ["--benchmark", name, "--annotations", str(sample(tmp_path)), "--images", str(images)]
    options += ["--out", str(tmp_path / "out")]
    assert evaluate(*options) == 0
    assert evaluate(*options) == 0
    text = (tmp_path / changed).read_text()
    (tmp_path / changed).write_text(text.replace(old, new))
    assert (tmp_path / changed).read_text() != text
    assert evaluate(*options) == 2
    assert f"another run, which differs in SHA-256 of {changed}; give" in capsys.readouterr().err


def test_answers_about_other_pictures_are_not_taken(tmp_path, capsys):
    samples.write_pictures(tmp_path / "images")
    samples.write_pictures(tmp_path / "others")
    options = ["--benchmark", "dlc-bench", "--annotations", str(samples.dlc_bench(tmp_path))]
    options += ["--out", str(tmp_path / "out")]
    assert evaluate(*options, "--images", str(tmp_path / "images")) == 0
    assert evaluate(*options, "--images", str(tmp_path / "others" / ".." / "images")) == 0
    assert evaluate(*options, "--images", str(tmp_path / "others")) == 2
    assert "another run, which differs in images; give" in capsys.readouterr().err


def test_a_folder_of_another_seed_is_refused(tmp_path, capsys):
    images = discs.write_benchmark(tmp_path / "discs").parent
    options = ["--benchmark", "tablerefer", "--images", str(images), "--out", str(tmp_path / "out")]
    say_seed(images, 7)
    assert evaluate(*options) == 2
    [line] = capsys.readouterr().err.splitlines()[-1:]
    assert f"--images {images}: holds a data set of seed 7, tablerefer is of seed {SEED}" in line
    (images / "simulation.json").unlink()
    assert evaluate(*options) == 2
    assert "simulation.json: not readable" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_processes_with_another_working_directory_find_model_and_pictures(
    tmp_path, capsys, monkeypatch, tiny_model_path
):
    class Elsewhere:
        def __init__(self, model, workers):
            self._model = model

        def answer(self, questions, **options):
            (tmp_path / "elsewhere").mkdir()
            monkeypatch.chdir(tmp_path / "elsewhere")
            with self._model.load() as describer:
                yield from answer(describer, questions, **options)

        def __enter__(self):
            return self

        def __exit__(self, *error):
            pass

    monkeypatch.setattr(ray_answering, "RayAnswering", Elsewhere)
    monkeypatch.chdir(tmp_path)
    shutil.copytree(tiny_model_path, tmp_path / "trained")
    samples.write_pictures(tmp_path / "images")
    options = ["--benchmark", "dlc-bench", "--annotations", str(samples.dlc_bench(tmp_path))]
    options += ["--images", "images", "--out", str(tmp_path / "out"), "--engine", "ray", "--json"]
    assert evaluate(*options, model="trained") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["questions"], found["left_out"]) == (1, 0)
    assert found["model"] == "trained (random weights)"


def test_what_could_not_be_computed_stands_below_the_table():
    report = {
        "values": {"siou": 0.25}, "counts": {"siou": 4}, "by_type": {},
        "left_out": {"spice": "no models"},
    }  # fmt: skip
    assert markdown({"scores": {"model": {"": report}}}).splitlines() == [
        "| task | metric | model | of |",
        "|---|---|---:|---:|",
        "|  | siou | 0.250 | 4 |",
        "",
        "Not computed: spice.",
    ]


def test_a_page_without_marks_is_left_alone(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("Nothing.\n")
    with pytest.raises(CommandError, match="has no line <!-- vg --> and <!-- /vg --> below it"):
        put_on_page(page, "vg", "table")
    assert page.read_text() == "Nothing.\n"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--benchmark", "vg"], "--benchmark vg needs --annotations; docs/benchmarks.md tells"),
        (["--benchmark", "vg", "--annotations", "a.json"], "--benchmark vg needs --images"),
        (["--benchmark", "tablerefer", "--annotations", "a.json"], "tablerefer has its own"),
        (["--benchmark", "vg", "--tasks", "colour"], "--tasks does not go with --benchmark"),
        (
            ["--benchmark", "vg", "--propagation", "flow"],
            "--propagation does not go with --benchmark",
        ),
        (["--benchmark", "vg", "--sam2-path", "a"], "--sam2-path does not go with --benchmark"),
        (["--benchmark", "vg", "--workers", "4"], "--workers goes with --engine ray, and with"),
        (
            ["--benchmark", "vg", "--workers", "4", "--engine", "single"],
            "--workers goes with --engine ray, and with the rendering of tablerefer",
        ),
        (["--benchmark", "taste"], "invalid choice: 'taste'"),
        (
            ["--benchmark", "vg", "--annotations", "none.json", "--images", "."],
            "none.json: not readable",
        ),
    ],
)
def test_what_is_wrong_is_said(capsys, options, message):
    try:
        status = evaluate(*options)
    except SystemExit as leaving:  # argparse
        status = leaving.code
    assert status == 2
    assert message in capsys.readouterr().err.splitlines()[-1]

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest

from pixelrefer_ros.engine.describer import Describer
from pixelrefer_ros.errors import CommandError
from pixelrefer_ros.evaluation.benchmarks import running, tablerefer
from pixelrefer_ros.evaluation.benchmarks.answering import ModelChoice, answer
from pixelrefer_ros.evaluation.benchmarks.benchmark import read_benchmark
from pixelrefer_ros.evaluation.benchmarks.ray_answering import RayAnswering, gpu_share, share_out
from pixelrefer_ros.evaluation.benchmarks.results import Results, claim_folder

sys.path.insert(0, str(Path(__file__).parent))
from discs import lines, write_benchmark

TABLEREFER = replace(
    tablerefer.TABLEREFER,
    metrics={
        "category": ("category_accuracy", "siou"),
        "phrase": ("siou",),
        "description": ("attribute_precision", "attribute_recall"),
        "qa": ("answer_accuracy",),
        "video_qa": ("choice_accuracy",),
    },
)
"""With the metrics that need no other model and no Java."""


@pytest.fixture(scope="module")
def questions(tmp_path_factory):
    file = write_benchmark(tmp_path_factory.mktemp("discs"))
    return read_benchmark(TABLEREFER, file, file.parent, is_lite=True, limit=None).questions


@pytest.fixture(scope="module")
def ask(tiny_model) -> Iterator:
    with Describer(tiny_model, max_regions=64) as describer:
        yield partial(answer, describer)


@pytest.fixture(scope="module")
def single(questions, ask, tmp_path_factory) -> Path:
    """The results of a run in one process."""
    path = tmp_path_factory.mktemp("single") / "results.jsonl"
    found = running.run(TABLEREFER, questions, ask, path)
    assert found.left_out == 0
    return path


def test_a_text_may_hold_ends_of_lines_of_other_kinds(questions, tmp_path):
    path = tmp_path / "results.jsonl"
    text = "a\u2028b\u2029c\u0085d"
    with Results(path) as results:
        for question in questions[:2]:
            results.add(question, text)
    with Results(path) as again:
        assert again.predictions == {question.id: text for question in questions[:2]}


def test_all_tasks_are_asked(questions):
    tasks = [question.task for question in questions]
    assert {task: tasks.count(task) for task in TABLEREFER.metrics} == {
        "category": 4,
        "phrase": 4,
        "description": 1,
        "qa": 12,
        "video_qa": 1,
    }


def test_every_answer_is_a_line_in_the_order_of_the_questions(single, questions):
    written = lines(single)
    assert [line["id"] for line in written] == [question.id for question in questions]
    assert all(line["prediction"] for line in written)
    assert written[-2]["choices"] == ["(a) it stays still", "(b) it falls"]
    assert written[-1]["positive"] == ["red", "ball"]


def test_a_run_that_was_stopped_goes_on(single, questions, ask, tmp_path):
    path = tmp_path / "results.jsonl"
    whole = single.read_text().splitlines(keepends=True)
    path.write_text("".join(whole[:5]) + whole[5][:20])
    asked = []

    def counting(missing, **options):
        asked.extend(question.id for question in missing)
        yield from ask(missing, **options)

    running.run(TABLEREFER, questions, counting, path)
    assert asked == [question.id for question in questions[5:]]
    assert path.read_bytes() == single.read_bytes()


def test_what_was_answered_is_kept_when_the_model_fails(questions, ask, tmp_path):
    path = tmp_path / "results.jsonl"

    def failing(missing, **options):
        yield from ask(missing[:3], **options)
        raise CommandError("no more")

    with pytest.raises(CommandError, match="no more"):
        running.run(TABLEREFER, questions, failing, path)
    assert len(lines(path)) == 3


def test_a_file_of_something_else_is_refused(questions, ask, tmp_path):
    path = tmp_path / "results.jsonl"
    path.write_text("my notes\n")
    with pytest.raises(CommandError, match=r"results\.jsonl:1: no answer of a benchmark"):
        running.run(TABLEREFER, questions, ask, path)
    assert path.read_text() == "my notes\n"


def test_a_folder_holds_the_answers_of_one_run(tmp_path):
    claim_folder(tmp_path / "out", {"model": "a", "limit": None})
    claim_folder(tmp_path / "out", {"model": "a", "limit": None})
    with pytest.raises(CommandError, match="another run, which differs in model, limit; give"):
        claim_folder(tmp_path / "out", {"model": "b", "limit": 3})


def test_a_broken_picture_is_named_and_left_out(ask, tmp_path, caplog):
    file = write_benchmark(tmp_path / "data")
    (file.parent / "1.png").write_bytes(b"")
    reading = read_benchmark(TABLEREFER, file, file.parent, is_lite=True, limit=None)
    found = running.run(TABLEREFER, reading.questions, ask, tmp_path / "results.jsonl")
    assert found.left_out == 5
    assert "left out annotations.json[5]: " in caplog.text
    assert len(lines(tmp_path / "results.jsonl")) == len(reading.questions) - 5


def test_answers_are_scored_by_the_metrics_of_their_task(questions):
    guesses = {question.id: question.expected.answer or "red ball" for question in questions}
    found = running.count_guesses(TABLEREFER, questions, guesses).reports
    assert found["qa"].values == {"answer_accuracy": 1.0}
    assert found["qa"].by_type["answer_accuracy"]["yes_no"].n == 8
    assert found["video_qa"].values == {"choice_accuracy": 1.0}
    assert found["category"].values["category_accuracy"] == 1.0
    assert found["category"].values["siou"] == 0.5
    assert found["description"].values["attribute_recall"] == 1.0


@pytest.mark.parametrize("gpus", range(5))
@pytest.mark.parametrize("workers", range(1, 10))
def test_every_worker_finds_a_place_on_a_gpu(gpus, workers):
    share = gpu_share(gpus, workers)
    assert share <= 1
    places = gpus * int(1 / share + 1e-9) if share else float("inf")
    assert places >= workers


def test_gpus_are_shared_no_more_than_needed():
    assert gpu_share(2, 3) == 0.5
    assert gpu_share(3, 3) == gpu_share(4, 3) == 1
    assert gpu_share(0, 3) == 0


def test_the_blind_see_grey(questions, ask, tmp_path):
    file = write_benchmark(tmp_path / "seen")
    grey = write_benchmark(tmp_path / "grey")
    for path in grey.parent.glob("*.png"):
        cv2.imwrite(str(path), np.full_like(cv2.imread(str(path)), 128))
    seen, hidden = (
        [
            question
            for question in read_benchmark(
                TABLEREFER, data, data.parent, is_lite=True, limit=None
            ).questions
            if question.task == "category"
        ]
        for data in (file, grey)
    )
    running.run(TABLEREFER, seen, ask, tmp_path / "blind.jsonl", blind=True)
    running.run(TABLEREFER, hidden, ask, tmp_path / "grey.jsonl")
    assert (tmp_path / "blind.jsonl").read_bytes() == (tmp_path / "grey.jsonl").read_bytes()


def test_workers_are_shared_out_by_what_machines_have():
    assert share_out(3, {"a": 1, "b": 2}) == ["b", "a", "b"]
    assert share_out(4, {"a": 1, "b": 1}) == ["a", "b", "a", "b"]
    assert share_out(2, {"a": 8, "b": 2}) == ["a", "a"]


@pytest.mark.parametrize("workers", range(1, 12))
def test_no_machine_gets_more_workers_than_its_gpus_have_room_for(workers):
    gpus = {"a": 1, "b": 2, "c": 4}
    room = 1 / gpu_share(sum(gpus.values()), workers)
    machines = share_out(workers, gpus)
    assert all(machines.count(machine) <= room * count for machine, count in gpus.items())


def test_ray_writes_the_same_file_on_two_machines(
    single, questions, tiny_model_path, tmp_path, monkeypatch
):
    ray = pytest.importorskip("ray")
    cluster = pytest.importorskip("ray.cluster_utils").Cluster(
        initialize_head=True, head_node_args={"num_cpus": 1}
    )
    path = tmp_path / "results.jsonl"
    try:
        cluster.add_node(num_cpus=1)
        monkeypatch.setenv("RAY_ADDRESS", cluster.address)
        with RayAnswering(ModelChoice(str(tiny_model_path), device="cpu"), workers=2) as answering:
            running.run(TABLEREFER, questions, partial(answering.answer, portion=4), path)
            assert path.read_bytes() == single.read_bytes()
            actors = ray._private.state.actors().values()
            assert len({actor["Address"]["NodeID"] for actor in actors}) == len(actors) == 2
            elsewhere = replace(questions[0], record=replace(questions[0].record, root=tmp_path))
            [outcome] = answering.answer([elsewhere], max_new_tokens=4)
            assert "0.png" in outcome.left_out
    finally:
        cluster.shutdown()


def test_ray_says_why_a_process_failed(questions, tmp_path):
    pytest.importorskip("ray")
    nothing = ModelChoice(str(tmp_path), device="cpu")
    with (
        RayAnswering(nothing, workers=1) as ray,
        pytest.raises(CommandError, match="--engine ray: a process failed"),
    ):
        list(ray.answer(questions[:1], max_new_tokens=4))

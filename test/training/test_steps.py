from __future__ import annotations

import pickle
from collections import Counter
from itertools import pairwise

import pytest
from drawn_shapes import record, shape, write_records, write_shapes

from pixelrefer_ros.datasets.records import DataFile, read_records
from pixelrefer_ros.training.preparation import IGNORED
from pixelrefer_ros.training.steps import StepPlan, Steps


def make_steps(model, data, **changes) -> Steps:
    plan = {"batch": 4, "micro_batch": 2, "samples_per_image": 2, "seed": 0} | changes
    records = read_records([DataFile(str(data))])
    return Steps(records, StepPlan(**plan), model.config, model.prompts)


@pytest.fixture(scope="module")
def shapes(tmp_path_factory):
    return write_shapes(tmp_path_factory.mktemp("shapes"), 6)


@pytest.fixture(scope="module")
def album(tmp_path_factory):
    """Three pictures with five questions each; answers of very different length."""
    folder = tmp_path_factory.mktemp("album")
    write_shapes(folder, 3)
    records = [
        record(f"{number % 3}.png", shape(number % 3)[1], "red " * (1 + 5 * (number // 3)))
        for number in range(15)
    ]
    return write_records(folder / "album.jsonl", records)


def test_an_epoch_goes_once_through_everything_and_the_next_in_another_order(tiny_model, shapes):
    steps = make_steps(tiny_model, shapes, batch=6)
    epochs = [steps.drawn(step) for step in range(3)]
    assert [sorted(epoch) for epoch in epochs] == [list(range(6))] * 3
    assert len({tuple(epoch) for epoch in epochs}) > 1
    assert make_steps(tiny_model, shapes, batch=6, seed=1).drawn(0) != epochs[0]


def test_a_step_is_the_same_whenever_it_is_asked_for(tiny_model, shapes):
    steps = make_steps(tiny_model, shapes)
    in_order = [steps.drawn(step) for step in range(9)]
    assert [steps.drawn(step) for step in reversed(range(9))] == in_order[::-1]
    assert make_steps(tiny_model, shapes).drawn(7) == in_order[7]


def test_processes_share_a_step(tiny_model, shapes):
    whole = make_steps(tiny_model, shapes).drawn(1)
    shares = [
        make_steps(tiny_model, shapes, process=process, processes=2).drawn(1)
        for process in range(2)
    ]
    assert shares[0] + shares[1] == whole


def test_questions_on_one_picture_stay_together_but_not_too_many(tiny_model, album):
    steps = make_steps(tiny_model, album, batch=15)
    pictures = [index % 3 for index in steps.drawn(0)]
    changes = sum(a != b for a, b in pairwise(pictures))
    assert 5 <= changes <= 8  # 9 chunks of 2, 2 and 1; some may meet by chance
    assert Counter(pictures) == {0: 5, 1: 5, 2: 5}


def test_a_picture_is_encoded_once_for_all_its_questions(tiny_model, album):
    batches = make_steps(tiny_model, album, batch=15, micro_batch=5)[0].micro_batches
    assert [len(batch) for batch in batches] == [5, 5, 5]
    for batch in batches:
        assert len({c.sample.regions[0].global_view.key for c in batch}) == 1


def test_questions_about_one_region_share_it_also_after_the_way_to_another_process(
    tiny_model, album
):
    batches = make_steps(tiny_model, album, batch=15, micro_batch=5)[0].micro_batches
    for batch in pickle.loads(pickle.dumps(batches)):
        assert len({id(c.sample.regions[0]) for c in batch}) == 1


def test_some_masks_become_boxes_and_always_the_same_ones(tiny_model, shapes):
    def are_boxes(box_share: float) -> list[bool]:
        steps = make_steps(tiny_model, shapes, batch=6, box_share=box_share)
        cells = [c.sample.regions[0].cells for batch in steps[0].micro_batches for c in batch]
        return [len(k) == len({*k[:, 0]}) * len({*k[:, 1]}) for k in cells]

    assert not any(are_boxes(0))
    assert all(are_boxes(1))
    assert 0 < sum(are_boxes(0.5)) < 6
    assert are_boxes(0.5) == are_boxes(0.5)


def test_processes_draw_the_same_boxes_as_one(tmp_path, tiny_model):
    drawn = {"batch": 8, "box_share": 0.5}
    shapes = write_shapes(tmp_path, 16)

    def cells(step: int, **share: int) -> list[list[list[int]]]:
        batches = make_steps(tiny_model, shapes, **drawn, **share)[step].micro_batches
        return [c.sample.regions[0].cells.tolist() for batch in batches for c in batch]

    for step in range(4):
        shares = [cells(step, process=process, processes=2) for process in range(2)]
        assert sorted(shares[0] + shares[1]) == sorted(cells(step))
    assert sorted(cells(0) + cells(1)) != sorted(cells(2) + cells(3))  # drawn anew in each epoch


def test_like_lengths_stand_together(tiny_model, tmp_path):
    write_shapes(tmp_path, 6)
    said = [record(f"{k}.png", shape(k)[1], "red " * (1 + 7 * k % 6)) for k in range(6)]
    data = write_records(tmp_path / "d.jsonl", said)
    batches = make_steps(tiny_model, data, batch=6)[0].micro_batches
    lengths = [len(c) for batch in batches for c in batch]
    assert lengths == sorted(lengths)
    assert len(set(lengths)) == 6


def test_the_bad_are_named_and_good_ones_stand_in(tiny_model, tmp_path):
    write_shapes(tmp_path, 4)
    good = [record(f"{k}.png", shape(k)[1], "red") for k in range(3)]
    missing = record("none.png", shape(0)[1], "red")
    empty = record("0.png", shape(0)[1], " ")
    data = write_records(tmp_path / "d.jsonl", [*good, missing, empty, '{"image"'])
    step = make_steps(tiny_model, data, batch=6)[0]
    assert step.samples == 6
    assert sorted(problem.split(": ")[0] for problem in step.problems) == [
        "d.jsonl:4",
        "d.jsonl:5",
        "d.jsonl:6",
    ]
    assert any("none.png: No such file" in problem for problem in step.problems)
    prepared = [c for batch in step.micro_batches for c in batch]
    assert len(prepared) == 6
    assert all((c.labels != IGNORED).any() for c in prepared)


def test_a_step_without_anything_good_is_empty(tiny_model, tmp_path):
    data = write_records(tmp_path / "d.jsonl", ["{", "["])
    step = make_steps(tiny_model, data, batch=2)[0]
    assert step.micro_batches == ()
    assert len(step.problems) == 2

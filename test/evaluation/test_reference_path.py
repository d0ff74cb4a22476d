from __future__ import annotations

import numpy as np
import pytest
import torch

from pixelrefer_ros.engine.describer import Describer
from pixelrefer_ros.engine.query import ArrayFrame, Query
from pixelrefer_ros.evaluation.reference_path import STAGES, answer_one_by_one
from pixelrefer_ros.evaluation.workload import Workload
from pixelrefer_ros.model.pixelrefer import PixelRefer
from pixelrefer_ros.model.random_model import write_random_checkpoint
from pixelrefer_ros.regions.reference import Region


def engine_texts(model: PixelRefer, query: Query) -> list[str]:
    with Describer(model) as describer:
        return [answer.text for answer in describer.submit(query).result()]


@pytest.mark.parametrize(("regions", "frames"), [(1, 1), (4, 1), (2, 3)])
@pytest.mark.parametrize("name", ["endless_model", "full_model"])
def test_it_says_what_the_engine_says(name, regions, frames, request):
    model = request.getfixturevalue(name)
    query = Workload(regions, frames, tokens=8, width=160, height=120).query(0)
    found = answer_one_by_one(model, query, max_new_tokens=8)
    assert found.texts == engine_texts(model, query)
    assert len(found.texts) == regions
    assert all(found.texts)


def test_objects_of_all_shapes(endless_model, picture):
    disc = np.hypot(*np.mgrid[-20:20, -20:20]) < 18
    regions = [
        Region(box=(3, 4, 120, 90)),
        Region(polygon=[(5, 5), (60, 20), (30, 70)]),
        Region(box=(100, 60, 40, 40), mask=disc),
        Region(box=(150, 110, 5, 5)),
    ]
    query = Query([ArrayFrame(picture)], regions, "What is it?", max_new_tokens=6)
    found = answer_one_by_one(endless_model, query, max_new_tokens=6)
    assert found.texts == engine_texts(endless_model, query)
    assert len(set(found.texts)) > 1


def test_a_repetition_penalty_counts(tmp_path):
    write_random_checkpoint(tmp_path / "model", repetition_penalty=1.5)
    model = PixelRefer.from_pretrained(tmp_path / "model")
    query = Workload(2, 1, tokens=12, width=160, height=120).query(0)
    found = answer_one_by_one(model, query, max_new_tokens=12)
    assert found.texts == engine_texts(model, query)
    model.repetition_penalty = 1.0
    assert answer_one_by_one(model, query, max_new_tokens=12).texts != found.texts


def test_an_end_token_ends_an_answer(tiny_model, monkeypatch):
    query = Workload(1, 1, tokens=9, width=160, height=120).query(0)
    monkeypatch.setattr(
        tiny_model, "eos_token_ids", frozenset(range(tiny_model.config.language.vocab_size))
    )
    found = answer_one_by_one(tiny_model, query, max_new_tokens=9)
    assert found.texts == engine_texts(tiny_model, query)
    assert found.stages["decode_s"] < found.stages["prefill_s"]


def test_every_region_pays_for_three_passes(tiny_model, monkeypatch):
    passes: list[int] = []
    encoder = tiny_model.vision_encoder.forward

    def watched(pixel_values: torch.Tensor, grid_thw: torch.Tensor, merge_sizes: torch.Tensor):
        passes.append(len(grid_thw))
        return encoder(pixel_values, grid_thw, merge_sizes)

    monkeypatch.setattr(tiny_model.vision_encoder, "forward", watched)
    query = Workload(3, 1, tokens=1, width=160, height=120).query(0)
    answer_one_by_one(tiny_model, query, max_new_tokens=1)
    assert passes == [1] * 9
    passes.clear()
    query = Workload(2, 4, tokens=1, width=160, height=120).query(0)
    answer_one_by_one(tiny_model, query, max_new_tokens=1)
    assert passes == [4] * 6


def test_the_stages_are_timed(tiny_model):
    query = Workload(2, 1, tokens=4, width=160, height=120).query(0)
    found = answer_one_by_one(tiny_model, query, max_new_tokens=4)
    assert tuple(found.stages) == STAGES
    assert all(seconds > 0 for seconds in found.stages.values())

from __future__ import annotations

import numpy as np
import pytest

from pixelrefer_ros.engine.describer import Describer
from pixelrefer_ros.evaluation.speed import (
    MOST_REGIONS,
    make_picture,
    make_regions,
    measure_call,
)


def test_a_call_is_timed_with_its_stages(tiny_model):
    with Describer(tiny_model) as describer:
        found = measure_call(describer, regions=2, runs=3)
    assert (found.regions, found.runs) == (2, 3)
    assert 0 < found.median_s <= found.p95_s
    assert [*found.stages] == [
        f"{stage}_s" for stage in ("queue", "prepare", "encode", "infuse", "prefill", "decode")
    ]
    assert all(seconds > 0 for seconds in found.stages.values())


def test_no_token_ends_an_answer_while_it_is_timed(tiny_model, monkeypatch):
    ends = frozenset(range(tiny_model.config.language.vocab_size))
    monkeypatch.setattr(tiny_model, "eos_token_ids", ends)
    with Describer(tiny_model) as describer:
        [answer] = describer.describe(make_picture(), make_regions(1))
        assert answer.generated_tokens == 1
        assert answer.timing.decode_s == 0
        assert measure_call(describer, regions=1, runs=1).stages["decode_s"] > 0
    assert tiny_model.eos_token_ids == ends


@pytest.mark.parametrize("count", [1, 8, MOST_REGIONS])
def test_regions_lie_in_the_picture_side_by_side(count):
    masks = [region.to_mask(*make_picture().shape[:2]) for region in make_regions(count)]
    assert len(masks) == count
    assert {int(mask.sum()) for mask in masks} == {96 * 96}
    assert int(np.sum(masks, 0).max()) == 1

"""The shapes that are made ready; the tokens they give are tested with the decoder."""

from __future__ import annotations

import logging

import pytest
import torch

from pixelrefer_ros.engine.generation.key_value_cache import KeyValueCache
from pixelrefer_ros.engine.generation.language_network import LanguageNetwork
from pixelrefer_ros.engine.generation.static_steps import StaticSteps, row_counts


@pytest.mark.parametrize(
    ("largest", "counts"), [(1, (1,)), (2, (1, 2)), (6, (1, 2, 4, 6)), (16, (1, 2, 4, 8, 16))]
)
def test_rows_are_rounded_up_to_powers_of_two(largest, counts):
    assert row_counts(largest) == counts


@torch.inference_mode()
def test_every_shape_is_ready_before_the_first_step_and_the_log_tells(tiny_model, caplog):
    recorded, ran = [], []

    def record(run):
        recorded.append(run)
        return lambda: ran.append(run) or run()

    model = tiny_model.language_model
    cache = KeyValueCache(model, rows=2, columns=32)
    with caplog.at_level(logging.INFO):
        steps = StaticSteps(LanguageNetwork(model), cache, record, columns=(16, 32))
    assert len(recorded) == 4
    assert [message.rsplit(", ")[-1] for message in caplog.messages] == [
        f"{k} of 4" for k in (1, 2, 3, 4)
    ]
    for positions, shape in [([15], 3), ([16], 2), ([3, 15], 1), ([3, 31], 0)]:
        logits, summary = steps.run([5] * len(positions), positions)
        assert ran[-1] is recorded[shape]
        assert logits.shape[0] == summary.shape[0] == len(positions)
    cache.reserve(3, 40)
    steps.run([5, 5, 5], [3, 3, 39])
    assert len(ran) == 4

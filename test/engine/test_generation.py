"""Decoding against transformers' own `generate` on the shipped random-weight model."""

from __future__ import annotations

import pytest
import torch

from pixelrefer_ros.engine.generation import Row, generate
from pixelrefer_ros.engine.query import Sampling

NO_END: frozenset[int] = frozenset()


def prompt(model, length: int, seed: int) -> torch.Tensor:
    width = model.language_model.config.hidden_size
    return torch.randn(length, width, generator=torch.Generator().manual_seed(seed)) * 0.02


def decode(model, *rows: Row, eos=NO_END, penalty: float = 1.0) -> list[list[int]]:
    generate(model.language_model, rows, eos_token_ids=eos, repetition_penalty=penalty)
    return [row.token_ids for row in rows]


@pytest.mark.parametrize("penalty", [1.0, 1.3])
def test_greedy_tokens_equal_transformers(tiny_model, penalty):
    embeds = prompt(tiny_model, 20, seed=0)
    expected = tiny_model.language_model.generate(
        inputs_embeds=embeds[None],
        attention_mask=torch.ones(1, 20, dtype=torch.long),
        max_new_tokens=12,
        do_sample=False,
        repetition_penalty=penalty,
        eos_token_id=None,
    )[0].tolist()
    assert decode(tiny_model, Row(embeds, 12), penalty=penalty) == [expected]


def test_a_row_does_not_depend_on_its_neighbours(tiny_model):
    lengths = (5, 40, 17)
    alone = [decode(tiny_model, Row(prompt(tiny_model, n, n), 10))[0] for n in lengths]
    together = decode(tiny_model, *[Row(prompt(tiny_model, n, n), 10) for n in lengths])
    assert together == alone


def test_finished_rows_leave_and_the_others_go_on(tiny_model):
    short, long = Row(prompt(tiny_model, 9, 1), 2), Row(prompt(tiny_model, 12, 2), 9)
    alone = decode(tiny_model, Row(prompt(tiny_model, 12, 2), 9))[0]
    told: list[Row] = []
    generate(
        tiny_model.language_model, [short, long], eos_token_ids=NO_END, on_finished=told.append
    )
    assert told == [short, long]
    assert len(short.token_ids) == 2
    assert long.token_ids == alone


def test_the_end_token_ends_a_row(tiny_model):
    [tokens] = decode(tiny_model, Row(prompt(tiny_model, 9, 1), 8))
    row = Row(prompt(tiny_model, 9, 1), 8)
    decode(tiny_model, row, eos=frozenset({tokens[3]}))
    assert row.ended
    assert row.token_ids == tokens[: tokens.index(tokens[3]) + 1]


def test_probabilities_are_those_of_the_model(tiny_model):
    row = Row(prompt(tiny_model, 9, 1), 1)
    decode(tiny_model, row)
    with torch.inference_mode():
        logits = tiny_model.language_model(inputs_embeds=prompt(tiny_model, 9, 1)[None]).logits
    expected = logits[0, -1].softmax(-1).max().item()
    assert row.probabilities == [pytest.approx(expected, rel=1e-4)]


def test_a_row_nobody_wants_leaves_at_the_next_token(tiny_model):
    row = Row(prompt(tiny_model, 9, 1), 50)
    row.is_wanted = lambda: len(row.token_ids) < 3
    assert len(decode(tiny_model, row)[0]) == 3


def test_sampling_repeats_with_its_seed_and_differs_without(tiny_model):
    def draw(seed: int) -> list[int]:
        sampling = Sampling(temperature=1.0, top_p=1.0, seed=seed)
        return decode(tiny_model, Row(prompt(tiny_model, 9, 1), 12, sampling))[0]

    assert draw(1) == draw(1)
    assert draw(1) != draw(2)


def test_a_tiny_top_p_is_greedy(tiny_model):
    sampling = Sampling(temperature=1.0, top_p=1e-6)
    [greedy] = decode(tiny_model, Row(prompt(tiny_model, 9, 1), 8))
    assert decode(tiny_model, Row(prompt(tiny_model, 9, 1), 8, sampling)) == [greedy]


def test_numbers_that_are_not_finite_mark_the_row(tiny_model):
    row = Row(prompt(tiny_model, 9, 1) * float("nan"), 8)
    decode(tiny_model, row)
    assert row.broken

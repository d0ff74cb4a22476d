"""Decoding against transformers' own `generate` on the shipped random-weight model."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from pixelrefer_ros.engine.generation.decoder import Decoder
from pixelrefer_ros.engine.generation.key_value_cache import KeyValueCache
from pixelrefer_ros.engine.generation.language_network import LanguageNetwork
from pixelrefer_ros.engine.generation.row import Row
from pixelrefer_ros.engine.generation.static_steps import StaticSteps
from pixelrefer_ros.engine.generation.steps import PlainSteps
from pixelrefer_ros.engine.generation.token_choice import TokenChooser
from pixelrefer_ros.engine.query import Sampling

LENGTHS = (5, 40, 17, 1, 90)


def prompt(model, length: int, seed: int) -> torch.Tensor:
    width = model.language_model.config.hidden_size
    return torch.randn(length, width, generator=torch.Generator().manual_seed(seed)) * 0.02


def row(model, length: int = 9, tokens: int = 8, **fields) -> Row:
    return Row(prompt(model, length, length), tokens, **fields)


def plain(model) -> Decoder:
    network, cache = LanguageNetwork(model.language_model), KeyValueCache(model.language_model)
    return Decoder(network, cache, PlainSteps(network, cache))


def static(model) -> Decoder:
    """The steps that CUDA records, not recorded: they fit rows of up to 64 tokens."""
    cache = KeyValueCache(model.language_model, rows=3, columns=64)
    network = LanguageNetwork(model.language_model)
    steps = StaticSteps(network, cache, lambda run: run, columns=(16, 64))
    return Decoder(network, cache, steps)


def finish(decoder: Decoder, rows: list[Row], finished: list[Row]) -> list[Row]:
    while len(finished) < len(rows):
        finished += decoder.step()
    return finished


def decode(model, *rows: Row) -> list[list[int]]:
    decoder = plain(model)
    finish(decoder, list(rows), decoder.join(rows))
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
    chooser = TokenChooser(repetition_penalty=penalty)
    assert decode(tiny_model, Row(embeds, 12, chooser=chooser)) == [expected]


@pytest.mark.parametrize("make", [plain, static])
@pytest.mark.parametrize("waits", [(0, 0, 0, 0, 0), (0, 1, 1, 5, 7), (0, 3, 9, 9, 10)])
def test_a_row_gets_the_tokens_it_gets_alone_whenever_it_joins(
    tiny_model, make: Callable[..., Decoder], waits: tuple[int, ...]
):
    """Among them rows that outgrow the static shapes, one after its first tokens."""
    budgets = (30, 12, 60, 3, 20)
    alone = [row(tiny_model, *pair) for pair in zip(LENGTHS, budgets, strict=True)]
    for single in alone:
        decode(tiny_model, single)
    decoder, finished = make(tiny_model), []
    rows = [row(tiny_model, *pair) for pair in zip(LENGTHS, budgets, strict=True)]
    for step in range(max(waits) + 1):
        joining = [rows[k] for k, wait in enumerate(waits) if wait == step]
        if joining:
            finished += decoder.join(joining)
        if len(finished) < sum(wait <= step for wait in waits):
            finished += decoder.step()
    finish(decoder, rows, finished)
    assert [r.token_ids for r in rows] == [r.token_ids for r in alone]
    for found, expected in zip(rows, alone, strict=True):
        assert found.probabilities == pytest.approx(expected.probabilities, rel=1e-4)


def test_finished_rows_leave_and_the_others_go_on(tiny_model):
    alone = decode(tiny_model, row(tiny_model, 12, 9))[0]
    short, long = row(tiny_model, 9, 2), row(tiny_model, 12, 9)
    decoder = plain(tiny_model)
    assert finish(decoder, [short, long], decoder.join([short, long])) == [short, long]
    assert len(short.token_ids) == 2
    assert long.token_ids == alone


def test_the_end_token_ends_a_row(tiny_model):
    [tokens] = decode(tiny_model, row(tiny_model))
    ending = row(tiny_model, eos_token_ids=frozenset({tokens[3]}))
    decode(tiny_model, ending)
    assert ending.ended
    assert ending.token_ids == tokens[: tokens.index(tokens[3]) + 1]


def test_a_row_nobody_wants_leaves_at_the_next_token(tiny_model):
    unwanted = row(tiny_model, tokens=50)
    unwanted.is_wanted = lambda: len(unwanted.token_ids) < 3
    assert len(decode(tiny_model, unwanted)[0]) == 3


def test_a_row_that_was_let_go_goes_on_where_it_was(tiny_model):
    [tokens] = decode(tiny_model, row(tiny_model, tokens=12))
    again, decoder = row(tiny_model, tokens=12), plain(tiny_model)
    decoder.join([again, row(tiny_model, 30)])
    decoder.step()
    decoder.clear()
    assert len(again.token_ids) == 2
    finish(decoder, [again], decoder.join([again]))
    assert again.token_ids == tokens


def test_a_prompt_that_cannot_join_leaves_the_others_as_they_were(tiny_model):
    [tokens] = decode(tiny_model, row(tiny_model, tokens=12))
    running, decoder = row(tiny_model, tokens=12), plain(tiny_model)
    decoder.join([running])
    with pytest.raises(RuntimeError):
        decoder.join([Row(torch.zeros(4, 3), 8)])
    assert finish(decoder, [running], []) == [running]
    assert running.token_ids == tokens


def test_sampling_repeats_with_its_seed_and_differs_without(tiny_model):
    def draw(seed: int) -> list[int]:
        chooser = TokenChooser(Sampling(temperature=1.0, top_p=1.0, seed=seed))
        return decode(tiny_model, row(tiny_model, tokens=12, chooser=chooser))[0]

    assert draw(1) == draw(1)
    assert draw(1) != draw(2)


@pytest.mark.parametrize("chooser", [TokenChooser(), TokenChooser(Sampling(1.0))])
def test_a_broken_row_spoils_neither_its_neighbours_nor_who_takes_its_place(tiny_model, chooser):
    [tokens] = decode(tiny_model, row(tiny_model, tokens=20))
    decoder = static(tiny_model)
    healthy = row(tiny_model, tokens=20)
    broken = Row(prompt(tiny_model, 30, 1) * float("nan"), 8, chooser=chooser)
    assert decoder.join([broken, healthy]) == [broken]
    assert broken.broken
    assert len(broken.token_ids) == 1
    other = row(tiny_model, tokens=20)
    finish(decoder, [healthy, other], decoder.join([other]))
    assert healthy.token_ids == other.token_ids == tokens


def test_memory_is_given_back_when_the_last_row_leaves(tiny_model):
    cache = KeyValueCache(tiny_model.language_model)
    network = LanguageNetwork(tiny_model.language_model)
    decoder = Decoder(network, cache, PlainSteps(network, cache))
    rows = [row(tiny_model, 70, 3), row(tiny_model, 5, 6)]
    finished = decoder.join(rows)
    assert (cache.rows, cache.columns) == (2, 128)
    finish(decoder, rows, finished)
    assert cache.nbytes == 0

from __future__ import annotations

import math

import pytest
import torch

from pixelrefer_ros.engine.generation.token_choice import TokenChooser, choose_tokens, summarise
from pixelrefer_ros.engine.query import Sampling

LOGITS = torch.tensor([[0.0, 3.0, -1.0, 2.5], [1.0, 0.5, 4.0, 0.0]])


def choose(logits: torch.Tensor, *choosers: TokenChooser, seen=((), ())) -> list:
    return choose_tokens(logits, summarise(logits), choosers, seen)


def test_the_likeliest_token_and_its_probability_under_the_model():
    expected = LOGITS.softmax(-1).max(-1).values.tolist()
    found = choose(LOGITS, TokenChooser(), TokenChooser())
    assert [token for token, _ in found] == [1, 2]
    assert [probability for _, probability in found] == pytest.approx(expected, rel=1e-6)


def test_a_penalty_changes_the_choice_but_not_the_probability():
    [(token, probability), _] = choose(
        LOGITS, TokenChooser(repetition_penalty=1.5), TokenChooser(), seen=([1], ())
    )
    assert token == 3
    assert probability == pytest.approx(float(LOGITS[0].softmax(-1)[3]), rel=1e-6)


def test_rows_with_and_without_a_penalty_stand_together():
    logits = torch.tensor([[0.0, 3.0, -1.0, 2.5], [1.0, 0.5, 4.0, 0.0], [-1.0, -1.2, -3.0, -3.0]])
    kept = logits.clone()
    choosers = [TokenChooser(), *(TokenChooser(repetition_penalty=p) for p in (5.0, 1.3))]
    found = choose(logits, *choosers, seen=([1], [2, 2, 0], [0]))
    assert [token for token, _ in found] == [1, 2, 1]
    assert torch.equal(logits, kept)
    choosers[1] = TokenChooser(repetition_penalty=9.0)
    assert choose(logits, *choosers, seen=([1], [2, 2, 0], [0]))[1][0] == 1


def test_a_draw_minds_the_penalty():
    chooser = TokenChooser(Sampling(temperature=1.0, top_p=1e-6), repetition_penalty=1.5)
    assert [token for token, _ in choose(LOGITS, chooser, chooser, seen=([1], [1]))] == [3, 2]


def test_a_tiny_top_p_is_greedy():
    chooser = TokenChooser(Sampling(temperature=1.0, top_p=1e-6))
    assert [token for token, _ in choose(LOGITS, chooser, chooser)] == [1, 2]


def test_half_precision_is_judged_in_full():
    [(_, probability), _] = choose(LOGITS.bfloat16(), TokenChooser(), TokenChooser())
    assert probability == pytest.approx(float(LOGITS[0].softmax(-1).max()), rel=1e-6)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("chooser", [TokenChooser(), TokenChooser(Sampling(1.0))])
def test_logits_that_are_not_finite_give_no_probability(bad, chooser):
    logits = LOGITS.clone()
    logits[0, 2] = bad
    (_, broken), (token, _) = choose(logits, chooser, TokenChooser())
    assert math.isnan(broken)
    assert token == 2

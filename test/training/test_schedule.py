from __future__ import annotations

import math

import pytest
from drawn_shapes import SMALL_MODEL

from pixelrefer_ros.errors import CommandError
from pixelrefer_ros.training.configuration import Model, Scratch, Start
from pixelrefer_ros.training.objective import AnswerObjective, Weighting
from pixelrefer_ros.training.schedule import Rates, freeze, make_optimisers, rate_factor, set_rates
from pixelrefer_ros.training.start import make_model

STAGE_1 = Rates(vision_encoder=0.0, projector=1e-5, object_encoder=1e-3, language_model=1e-5)


def make(rates: Rates, weight_decay: float = 0.1, muon: float = 0.0):
    model = make_model(Start(scratch=Scratch(**SMALL_MODEL)), Model(), ["red disc"], seed=0)
    freeze(model, rates, is_lite=True)
    objective = AnswerObjective(model, Weighting.TOKEN)
    return objective, make_optimisers(objective, rates, weight_decay, muon)


def test_warm_up_and_cosine():
    factors = [rate_factor(step, 1000, 0.03) for step in range(1000)]
    assert factors[0] == pytest.approx(1 / 30)
    assert factors[29] == 1.0
    assert factors[30] == 1.0
    assert factors[30 + 485] == pytest.approx(0.5)
    assert factors[999] == pytest.approx(0.5 * (1 + math.cos(math.pi * 969 / 970)))
    assert rate_factor(0, 1, 0.0) == 1.0
    assert factors[29:] == sorted(factors[29:], reverse=True)


def test_each_part_learns_at_its_rate_and_matrices_decay():
    objective, [optimiser] = make(STAGE_1)
    names = {id(p): n.removeprefix("model.") for n, p in objective.named_parameters()}
    rates = {names[id(p)]: g["lr"] for g in optimiser.param_groups for p in g["params"]}
    assert rates["object_tokenizer.position.weight"] == 1e-3
    assert rates["object_infusion.local_to_object.attention.in_proj_weight"] == 1e-3
    assert rates["region_projector.0.bias"] == 1e-3
    assert rates["language_model.model.embed_tokens.weight"] == 1e-5
    assert not any(n.startswith(("vision_encoder", "projector", "mask_embed")) for n in rates)
    assert len(rates) == sum(p.requires_grad for p in objective.parameters())
    for group in optimiser.param_groups:
        for parameter in group["params"]:
            assert group["weight_decay"] == (0.1 if parameter.ndim > 1 else 0.0)
    assert set_rates([optimiser], 0.5) == {"object_encoder": 5e-4, "language_model": 5e-6}
    assert {g["lr"] for g in optimiser.param_groups} == {5e-4, 5e-6}


def test_without_decay_everything_still_learns():
    objective, [optimiser] = make(STAGE_1, weight_decay=0.0)
    learning = sum(len(group["params"]) for group in optimiser.param_groups)
    assert learning == sum(p.requires_grad for p in objective.parameters())


def test_nothing_to_learn_is_an_error():
    with pytest.raises(CommandError, match="nothing learns"):
        make(Rates(0.0, 1e-5, 0.0, 0.0))


def test_muon_teaches_the_matrices_within_and_adamw_the_rest():
    objective, [muon, adamw] = make(STAGE_1, muon=2.0)
    names = {id(p): n.removeprefix("model.") for n, p in objective.named_parameters()}
    rates = {names[id(p)]: g["lr"] for g in muon.param_groups for p in g["params"]}
    assert rates["object_infusion.local_to_object.attention.in_proj_weight"] == 2e-3
    assert rates["language_model.model.layers.0.mlp.up_proj.weight"] == 2e-5
    others = {names[id(p)] for g in adamw.param_groups for p in g["params"]}
    assert {
        "object_tokenizer.position.weight",
        "language_model.model.embed_tokens.weight",
        "language_model.model.norm.weight",
        "region_projector.0.bias",
    } <= others
    assert not rates.keys() & others
    assert len(rates) + len(others) == sum(p.requires_grad for p in objective.parameters())
    assert set_rates([muon, adamw], 0.5) == {"object_encoder": 5e-4, "language_model": 5e-6}
    assert {g["lr"] for g in muon.param_groups} == {1e-3, 1e-5}

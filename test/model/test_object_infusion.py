from __future__ import annotations

import math

import pytest
import torch

from pixelrefer_ros.model.object_infusion import ContextAttention, ObjectCentricInfusion

WIDTH = 8


def pass_through(step: ContextAttention, *, query: float) -> None:
    """Keys, values and the output are taken as they are, queries are multiplied by `query`."""
    eye = torch.eye(WIDTH)
    step.requires_grad_(False)
    step.attention.in_proj_weight.copy_(torch.cat([query * eye, eye, eye]))
    step.attention.in_proj_bias.zero_()
    step.attention.out_proj.weight.copy_(eye)
    step.attention.out_proj.bias.zero_()


@pytest.fixture
def infusion() -> ObjectCentricInfusion:
    module = ObjectCentricInfusion(WIDTH)
    pass_through(module.local_to_object, query=0.0)
    pass_through(module.global_to_object, query=0.0)
    return module


def test_algorithm_1_by_hand(infusion):
    # Queries of zero look everywhere alike: t + mean(local) + mean(global).
    token = torch.arange(WIDTH).float()
    local = torch.stack([torch.full((WIDTH,), 1.0), torch.full((WIDTH,), 3.0)])
    whole = torch.stack([torch.full((WIDTH,), v) for v in (10.0, 20.0, 60.0)])
    infused = infusion(token[None, None], [local], [whole])
    torch.testing.assert_close(infused[0, 0], token + 2 + 30)


def test_attention_by_hand(infusion):
    # One channel per head. LN turns (1, -1, 1, -1, ...) into itself (up to its eps), so the
    # head of a 1 weighs keys 0 and 1 with e^0 : e^1, the head of a -1 with e^0 : e^-1.
    pass_through(infusion.local_to_object, query=1.0)
    token = torch.tensor([1.0, -1.0]).repeat(WIDTH // 2)
    context = torch.stack([torch.zeros(WIDTH), torch.ones(WIDTH)])
    infused = infusion.local_to_object(token[None, None], [context])
    up, down = math.e / (1 + math.e), 1 / (1 + math.e)
    expected = token + torch.tensor([up, down]).repeat(WIDTH // 2)
    torch.testing.assert_close(infused[0, 0], expected, atol=1e-5, rtol=0)


def test_local_comes_before_global(infusion):
    # The global query sees the token after the local step: a local context of -t leaves 0,
    # which LN keeps, so both keys weigh the same.
    pass_through(infusion.global_to_object, query=1.0)
    token = torch.tensor([1.0, -1.0]).repeat(WIDTH // 2)
    whole = torch.stack([torch.zeros(WIDTH), torch.ones(WIDTH)])
    infused = infusion(token[None, None], [-token[None]], [whole])
    torch.testing.assert_close(infused[0, 0], torch.full((WIDTH,), 0.5))


def test_where_tokens_look_sums_to_one_and_changes_nothing():
    torch.manual_seed(0)
    module = ContextAttention(WIDTH).requires_grad_(False)
    tokens = torch.randn(2, 3, WIDTH)
    contexts = [torch.randn(5, WIDTH), torch.randn(9, WIDTH)]
    infused, weights = module.look(tokens, contexts)
    torch.testing.assert_close(infused, module(tokens, contexts), atol=1e-6, rtol=0)
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 3))
    assert torch.equal(weights[0, :, 5:], torch.zeros(3, 4))


def test_contexts_of_different_length_do_not_mix():
    torch.manual_seed(0)
    module = ObjectCentricInfusion(WIDTH).requires_grad_(False)
    tokens = torch.randn(2, 3, WIDTH)
    local = [torch.randn(5, WIDTH), torch.randn(9, WIDTH)]
    whole = [torch.randn(7, WIDTH), torch.randn(4, WIDTH)]
    together = module(tokens, local, whole)
    for m in range(2):
        alone = module(tokens[m : m + 1], local[m : m + 1], whole[m : m + 1])
        torch.testing.assert_close(together[m : m + 1], alone, atol=1e-6, rtol=0)

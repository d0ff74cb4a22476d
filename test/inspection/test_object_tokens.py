from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from pixelrefer_ros.inspection.object_tokens import object_tokens


@pytest.fixture
def found(asked):
    return object_tokens(asked.model, asked.masks, asked.prepared.regions, asked.views)


def test_every_patch_under_the_mask_has_one_object_token(asked, found):
    for tokens, region in zip(found, asked.prepared.regions, strict=True):
        under_mask = np.argwhere(tokens.crop.grid > 0)
        assert np.array_equal(tokens.cells, under_mask)
        assert len(tokens.token_of) == len(tokens.cells) == len(region.cells)
        assert tokens.count == min(32, len(tokens.cells))
        assert set(tokens.token_of.tolist()) <= set(range(tokens.count))
    assert found[0].count == 32 < len(found[0].cells)


@torch.inference_mode()
def test_object_tokens_are_the_means_of_their_patches(asked, found):
    tokenizer, regions = asked.model.object_tokenizer, asked.prepared.regions
    features = [asked.views[region.object_view] for region in regions]
    selected = tokenizer.select(features, regions)
    expected = tokenizer(features, regions)
    for m, tokens in enumerate(found):
        for token in np.unique(tokens.token_of):
            mean = selected[m][torch.from_numpy(tokens.token_of == token)].mean(0)
            torch.testing.assert_close(mean, expected[m, token], atol=1e-4, rtol=1e-4)
        assert not expected[m, tokens.count :].any()


@torch.inference_mode()
def test_likeness_is_that_of_the_tokens_before_and_after(asked, found):
    tokenizer, regions = asked.model.object_tokenizer, asked.prepared.regions
    features = [asked.views[region.object_view] for region in regions]
    for m, tokens in enumerate(found):
        before = tokenizer.select(features, regions)[m]
        after = tokenizer(features, regions)[m, : tokens.count]
        for similarity, vectors in ((tokens.before, before), (tokens.after, after)):
            assert similarity.matrix.shape == (len(vectors), len(vectors))
            cosine = torch.cosine_similarity(vectors[0], vectors[1], dim=0)
            assert similarity.matrix[0, 1] == pytest.approx(float(cosine), abs=1e-5)


@torch.inference_mode()
def test_where_infusion_looks(asked, found):
    infusion, regions = asked.model.object_infusion, asked.prepared.regions
    if infusion is None:
        assert all(tokens.local is None and tokens.whole is None for tokens in found)
        return
    object_views = [asked.views[region.object_view] for region in regions]
    before = asked.model.object_tokenizer(object_views, regions)
    local, whole = asked.model.contexts(regions, asked.views)
    between = infusion.local_to_object(before, local)
    for m, (tokens, region) in enumerate(zip(found, regions, strict=True)):
        for look, view, step, read, context in (
            (tokens.local, region.local_view, infusion.local_to_object, before[m], local[m]),
            (tokens.whole, region.global_view, infusion.global_to_object, between[m], whole[m]),
        ):
            assert look.weights.shape == view.feature_grid
            assert look.weights.sum() == pytest.approx(1, abs=1e-5)
            expected = attention_by_hand(step, read[: tokens.count], context)
            np.testing.assert_allclose(look.weights.ravel(), expected, atol=1e-6)
        assert tokens.whole.picture is asked.sample.images[0]
        height, width = tokens.local.picture.shape[:2]
        box = tokens.crop.box
        assert (height, width) == (box.bottom - box.top + 1, box.right - box.left + 1)


@torch.inference_mode()
def attention_by_hand(step, tokens: torch.Tensor, context: torch.Tensor) -> torch.Tensor:
    """softmax(q k / sqrt(d)) of one step of Algorithm 1, mean of tokens [n, C] and heads, [L]."""
    heads, width = step.attention.num_heads, tokens.shape[1]
    projected = [
        functional.linear(
            vectors,
            step.attention.in_proj_weight[first : first + width],
            step.attention.in_proj_bias[first : first + width],
        )
        for vectors, first in ((step.norm(tokens), 0), (context, width))
    ]
    query, key = (part.view(len(part), heads, -1).transpose(0, 1) for part in projected)
    scores = query @ key.transpose(1, 2) / (width // heads) ** 0.5
    return scores.softmax(-1).mean((0, 1))

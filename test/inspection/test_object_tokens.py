from __future__ import annotations

import numpy as np
import pytest
import torch

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
            expected = np.corrcoef(vectors.numpy()).shape
            assert similarity.matrix.shape == expected
            cosine = torch.cosine_similarity(vectors[0], vectors[1], dim=0)
            assert similarity.matrix[0, 1] == pytest.approx(float(cosine), abs=1e-5)


def test_where_infusion_looks(asked, found):
    for tokens, region in zip(found, asked.prepared.regions, strict=True):
        if not asked.model.config.is_lite:
            assert tokens.local is None
            assert tokens.whole is None
            continue
        for look, view in ((tokens.local, region.local_view), (tokens.whole, region.global_view)):
            assert look.weights.shape == view.feature_grid
            assert look.weights.sum() == pytest.approx(1, abs=1e-5)
            assert (look.weights > 0).all()
        assert tokens.whole.picture is asked.sample.images[0]
        height, width = tokens.local.picture.shape[:2]
        box = tokens.crop.box
        assert (height, width) == (box.bottom - box.top + 1, box.right - box.left + 1)


@torch.inference_mode()
def test_it_looks_where_the_infusion_of_the_answer_looks(tiny_model, asked, found):
    if not asked.model.config.is_lite:
        pytest.skip("PixelRefer has no infusion")
    # Turning the values off leaves only the tokens, so the weights must be those of this input.
    regions, infusion = asked.prepared.regions, asked.model.object_infusion
    features = [asked.views[region.object_view] for region in regions]
    tokens = asked.model.object_tokenizer(features, regions)
    local, _ = asked.model.contexts(regions, asked.views)
    step = infusion.local_to_object
    query = step.norm(tokens[0])
    width = query.shape[1]
    project = step.attention.in_proj_weight, step.attention.in_proj_bias
    q = query @ project[0][:width].T + project[1][:width]
    k = local[0] @ project[0][width : 2 * width].T + project[1][width : 2 * width]
    heads = step.attention.num_heads
    q, k = (x.view(len(x), heads, -1).transpose(0, 1) for x in (q, k))
    weights = (q @ k.transpose(1, 2) / (width // heads) ** 0.5).softmax(-1)
    expected = weights.mean((0, 1)).view(regions[0].local_view.feature_grid)
    np.testing.assert_allclose(found[0].local.weights, expected.numpy(), atol=1e-6)

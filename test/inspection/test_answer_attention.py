from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from pixelrefer_ros.inspection.answer_attention import share_out
from pixelrefer_ros.inspection.attention_rows import attention_rows

REGION, IMAGE = 90, 91


def test_shares_by_hand():
    # Prompt: text, 2 image tokens, text, one token of the first mask, two of the second; then one
    # word is said. Two layers, two tokens chosen.
    prepared = SimpleNamespace(
        token_ids=np.array([1, IMAGE, IMAGE, 2, REGION, REGION, REGION]),
        regions=[SimpleNamespace(token_count=1), SimpleNamespace(token_count=2)],
    )
    prompts = SimpleNamespace(region_id=REGION, image_id=IMAGE)
    rows = np.array(
        [
            [[8, 4, 4, 8, 16, 32, 28, 0], [10, 2, 2, 10, 10, 20, 30, 16]],
            [[50, 0, 0, 50, 0, 0, 0, 0], [40, 5, 5, 40, 0, 0, 10, 0]],
        ],
        np.float32,
    )
    found = share_out(rows / 100, prepared, prompts)
    assert found.mask_of.tolist() == [0, 1, 1]
    np.testing.assert_allclose(found.objects[0], [[0.16, 0.32, 0.28], [0.1, 0.2, 0.3]])
    np.testing.assert_allclose(found.image, [[0.08, 0.04], [0, 0.1]], atol=1e-6)
    np.testing.assert_allclose(found.text, [[0.16, 0.36], [1, 0.8]], atol=1e-6)
    np.testing.assert_allclose(found.objects_by_layer, [[0.13, 0.55], [0, 0.05]], atol=1e-6)
    np.testing.assert_allclose(found.image_by_layer, [0.06, 0.05], atol=1e-6)
    np.testing.assert_allclose(found.text_by_layer, [0.26, 0.9], atol=1e-6)
    assert found.most_looking_layer == 0
    assert (found.image_tokens, found.text_tokens) == (2, 2)


def test_objects_image_and_text_share_all_of_the_attention(asked):
    rows = attention_rows(asked.model.language_model, asked.embeds, [5, 9, 7])
    found = share_out(rows, asked.prepared, asked.model.prompts)
    total = found.objects.sum(2) + found.image + found.text
    np.testing.assert_allclose(total, 1, atol=1e-5)
    by_layer = found.objects_by_layer.sum(1) + found.image_by_layer + found.text_by_layer
    np.testing.assert_allclose(by_layer, 1, atol=1e-5)
    if asked.model.config.is_lite:
        assert np.bincount(found.mask_of).tolist() == [32, 32]
        assert found.image_tokens == 0
        assert not found.image.any()
    else:
        small = len(asked.prepared.regions[1].cells)
        assert np.bincount(found.mask_of).tolist() == [32, min(small, 32)]
        assert found.image_tokens == asked.prepared.frames[0].tokens
        assert found.image.mean() > 0.1
    tokens = found.image_tokens + found.text_tokens + len(found.mask_of)
    assert tokens == len(asked.embeds)
    assert found.objects_by_layer[found.most_looking_layer].sum() == pytest.approx(
        found.objects_by_layer.sum(1).max()
    )

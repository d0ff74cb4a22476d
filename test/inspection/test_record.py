from __future__ import annotations

import json

import numpy as np
import pytest

from pixelrefer_ros.engine.query import ArrayFrame, Query
from pixelrefer_ros.inspection.inspection import inspect
from pixelrefer_ros.inspection.record import to_json
from pixelrefer_ros.regions.reference import Region


def test_the_numbers_are_complete(model, picture):
    regions = [Region(box=(20, 20, 60, 50)), Region(box=(90, 40, 1, 1), object_id="cup")]
    query = Query([ArrayFrame(picture)], regions, "<region> or <region>?")
    [inspection] = inspect(model, query, max_new_tokens=3)
    found = json.loads(to_json([inspection], model))
    assert found["model_id"] == model.model_id
    assert found["framework"] == ("PixelRefer-Lite" if model.config.is_lite else "PixelRefer")
    [question] = found["questions"]
    assert question["question"] == "<region> or <region>?"
    assert question["answer"] == inspection.answer
    assert question["answer_tokens"] == list(inspection.tokens)

    attention = question["attention"]
    counts = attention["prompt_tokens"]
    image = attention["by_layer"]["image"]
    assert (image is None) == model.config.is_lite == (counts["image"] == 0)
    shares = np.sum(attention["by_layer"]["objects"], 1) + attention["by_layer"]["text"]
    np.testing.assert_allclose(shares + (0 if image is None else image), 1, atol=1e-5)
    layer, weights = (attention["to_object_tokens"][name] for name in ("layer", "weights"))
    assert np.shape(weights) == (len(inspection.tokens), sum(counts["objects"]))
    by_layer = np.sum(attention["by_layer"]["objects"], 1)
    assert np.mean(np.sum(weights, 1)) == pytest.approx(by_layer.max(), abs=1e-5)
    assert by_layer.argmax() == layer - 1

    assert [values["name"] for values in question["objects"]] == ["object 1", "cup"]
    for values, tokens in zip(question["objects"], inspection.objects, strict=True):
        assert [[r, c, t] for (r, c), t in zip(tokens.cells, tokens.token_of, strict=True)] == (
            values["cells"]
        )
        assert values["object_tokens"] == tokens.count
        for name, count in (("before", len(tokens.cells)), ("after", tokens.count)):
            assert np.shape(values["similarity"][name]["matrix"]) == (count, count)
        for look in values["infusion"].values():
            assert (look is None) != model.config.is_lite
            if look is not None:
                assert np.sum(look) == pytest.approx(1, abs=1e-3)

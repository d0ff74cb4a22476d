"""The whole picture of a frame is encoded once, and never mistaken for another."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from pixelrefer_ros.engine.describer import Describer
from pixelrefer_ros.engine.feature_cache import FeatureCache, FeatureCacheCounts
from pixelrefer_ros.engine.query import ArrayFrame, FrameStamp, Query
from pixelrefer_ros.errors import InferenceError
from pixelrefer_ros.model.image_processor import View, make_view
from pixelrefer_ros.regions.reference import Region

BOXES = [Region(box=(8 * k, 6 * k, 40, 30)) for k in range(3)]


@pytest.fixture
def encoded(tiny_model, full_model, monkeypatch) -> list[View]:
    """The views of whole pictures that a pass was needed for, in order."""
    seen: list[View] = []

    def remember(model) -> Callable:
        run = model.encode_packed
        return lambda views: seen.extend(v for v in views if v.source is not None) or run(views)

    for model in (tiny_model, full_model):
        monkeypatch.setattr(model, "encode_packed", remember(model))
    return seen


def ask(describer: Describer, picture, stamp_ns: int = 7, camera: str = "front", boxes=BOXES[:1]):
    frame = ArrayFrame(picture, stamp_ns=stamp_ns, camera=camera)
    [answer, *_] = describer.submit(Query([frame], boxes, "What is it?")).result(timeout=60)
    return answer


def whole(picture) -> View:
    return make_view(picture, patch_size=14, min_pixels=0, max_pixels=10**6, source=picture)


@pytest.mark.parametrize("name", ["tiny_model", "full_model"])
def test_the_next_question_about_a_frame_encodes_only_its_crops(name, encoded, request, picture):
    model = request.getfixturevalue(name)
    with (
        Describer(model, max_new_tokens=8) as describer,
        Describer(model, max_new_tokens=8, feature_cache_bytes=0) as forgetful,
    ):
        first = ask(describer, picture)
        second = ask(describer, picture.copy(), boxes=BOXES[1:2])
        assert len(encoded) == 1
        assert describer.feature_cache.hits == describer.feature_cache.misses == 1
        plain = [ask(forgetful, picture), ask(forgetful, picture, boxes=BOXES[1:2])]
        assert len(encoded) == 3
        assert forgetful.feature_cache == FeatureCacheCounts()
    for found, expected in zip((first, second), plain, strict=True):
        assert found.text == expected.text
        assert found.confidence == pytest.approx(expected.confidence, rel=1e-4)


def test_all_regions_of_a_request_share_one_pass(tiny_model, encoded, picture):
    with Describer(tiny_model, max_new_tokens=2) as describer:
        ask(describer, picture, stamp_ns=0, boxes=BOXES)
        assert len(encoded) == 1
        assert describer.feature_cache == FeatureCacheCounts()


def test_frames_without_a_stamp_are_encoded_each_time(tiny_model, encoded, picture):
    with Describer(tiny_model, max_new_tokens=2) as describer:
        for image in (picture, picture, picture[::-1].copy()):
            describer.describe(image, BOXES[0])
        assert len(encoded) == 3


def test_a_stamp_that_comes_again_with_another_picture_is_no_hit(tiny_model, encoded, picture):
    with (
        Describer(tiny_model, max_new_tokens=4) as describer,
        Describer(tiny_model, max_new_tokens=4, feature_cache_bytes=0) as forgetful,
    ):
        other = picture[::-1].copy()
        ask(describer, picture)
        found = ask(describer, other)
        assert describer.feature_cache.misses == 2
        assert found.text == ask(forgetful, other).text
        ask(describer, picture, camera="wrist")
        ask(describer, picture, stamp_ns=8)
        assert describer.feature_cache.hits == 0


def test_memory_is_bounded_and_the_one_unused_for_longest_leaves(tiny_model, picture):
    with Describer(tiny_model, max_new_tokens=1) as describer:
        ask(describer, picture, stamp_ns=1)
        size = describer.feature_cache.nbytes
    with Describer(tiny_model, max_new_tokens=1, feature_cache_bytes=2 * size) as describer:
        for stamp in (1, 2, 1, 3, 1, 2):
            ask(describer, picture, stamp_ns=stamp)
            assert describer.feature_cache.nbytes <= 2 * size
        assert (describer.feature_cache.hits, describer.feature_cache.misses) == (2, 4)
        describer.close()
        assert describer.feature_cache.nbytes == 0
    with Describer(tiny_model, max_new_tokens=1, feature_cache_bytes=size - 1) as describer:
        ask(describer, picture)
        assert describer.feature_cache.nbytes == 0


def test_it_holds_no_more_memory_than_it_says(tiny_model, picture):
    cache = FeatureCache(10**9)
    crop = make_view(picture[:60], patch_size=14, min_pixels=0, max_pixels=10**6)
    view, stamps = whole(picture), {id(picture): FrameStamp("front", 7)}
    with torch.inference_mode():
        cache.encode(tiny_model, [crop, view], stamps)
        features = cache.encode(tiny_model, [view], stamps)[view]
    assert cache.counts.hits == 1
    assert features.untyped_storage().nbytes() + view.patches.nbytes == cache.counts.nbytes


def test_nothing_is_kept_of_a_damaged_or_failed_pass(tiny_model, picture, monkeypatch):
    def fail(views):
        raise InferenceError("the encoder failed")

    encode = tiny_model.encode_packed
    cache = FeatureCache(10**9)
    view, stamps = whole(picture), {id(picture): FrameStamp("front", 7)}
    with torch.inference_mode():
        with monkeypatch.context() as patch:
            patch.setattr(
                tiny_model, "encode_packed", lambda views: [f / 0 - f / 0 for f in encode(views)]
            )
            cache.encode(tiny_model, [view], stamps)
        with monkeypatch.context() as patch:
            patch.setattr(tiny_model, "encode_packed", fail)
            with pytest.raises(InferenceError):
                cache.encode(tiny_model, [view], stamps)
        assert cache.counts.nbytes == 0
        found = cache.encode(tiny_model, [view], stamps)[view]
    assert np.isfinite(found.numpy()).all()
    assert cache.counts.hits == 0

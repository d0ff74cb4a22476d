from __future__ import annotations

import pytest
import torch
from drawn_shapes import SMALL_MODEL, shape

from pixelrefer_ros.model.preprocessing import PreparedSample, RegionSample
from pixelrefer_ros.training.configuration import Model, Scratch, Start
from pixelrefer_ros.training.feature_memory import FeatureMemory
from pixelrefer_ros.training.start import make_model


@pytest.fixture
def model():
    start = Start(scratch=Scratch(**SMALL_MODEL))
    made = make_model(start, Model(local_view_patches=4, global_view_patches=4), ["red"], seed=0)
    return made.requires_grad_(False)


@pytest.fixture
def passes(model, monkeypatch) -> list[int]:
    """How many patches each pass of the vision encoder had."""
    sizes: list[int] = []
    encode = model.vision_encoder.forward

    def counted(pixel_values, **others):
        sizes.append(len(pixel_values))
        return encode(pixel_values, **others)

    monkeypatch.setattr(model.vision_encoder, "forward", counted)
    return sizes


def sample(model, number: int) -> PreparedSample:
    """Prepare the picture of a number, an object of its own each time."""
    image, mask, _ = shape(number)
    return model.prepare(RegionSample([image], [[(0, mask)]], "What is <region>?"))


def test_a_view_is_encoded_once_whatever_picture_object_it_is_of(model, passes):
    memory = FeatureMemory(1_000_000)
    first = sample(model, 0)
    memory.encode(model, [first])
    assert passes == [sum(len(view.patches) for view in first.views())]
    both = [sample(model, 0), sample(model, 1)]
    found = memory.encode(model, both)
    assert passes[1:] == [sum(len(view.patches) for view in both[1].views())]
    expected = model.encode(both)
    for view in (view for one in both for view in one.views()):
        assert found[view].dtype == expected[view].dtype
        torch.testing.assert_close(found[view], expected[view], rtol=1e-3, atol=1e-3)


def test_new_and_kept_features_are_rounded_alike(model):
    memory, one = FeatureMemory(1_000_000), sample(model, 0)
    new, kept = memory.encode(model, [one]), memory.encode(model, [one])
    assert all(torch.equal(new[view], kept[view]) for view in one.views())


def test_what_was_unused_for_longest_leaves_first(model, passes):
    numbers = [0, 1, 2]
    views = [sample(model, number).views() for number in numbers]
    nbytes = [2 * sum(model.encode_views(v)[view].numel() for view in v) for v in views]
    memory = FeatureMemory(nbytes[0] + nbytes[2])
    passes.clear()
    for number in (0, 1, 0, 2):
        memory.encode(model, [sample(model, number)])
    assert len(passes) == 3
    memory.encode(model, [sample(model, 0), sample(model, 2)])
    assert len(passes) == 3
    memory.encode(model, [sample(model, 1)])
    assert len(passes) == 4

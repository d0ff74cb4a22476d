from __future__ import annotations

import numpy as np
import pytest

from pixelrefer_ros.engine.query import ArrayFrame, Query
from pixelrefer_ros.errors import EmptyMaskError, InvalidPromptError, InvalidRegionError
from pixelrefer_ros.inspection.inspection import inspect
from pixelrefer_ros.regions.reference import Region

BOXES = [Region(box=(20, 20, 60, 50)), Region(box=(90, 40, 40, 40), object_id="cup")]


@pytest.fixture
def frame(picture) -> ArrayFrame:
    return ArrayFrame(picture)


def test_without_placeholders_each_object_is_a_question(model, frame):
    found = inspect(model, Query([frame], BOXES, "What is this?"), max_new_tokens=3)
    assert [inspection.names for inspection in found] == [("object 1",), ("cup",)]
    for inspection in found:
        assert inspection.text == "There is one object in the image: <region>.\nWhat is this?"
        assert 1 <= len(inspection.tokens) <= 3
        assert inspection.attention.objects.shape[1] == len(inspection.tokens)
        assert len(inspection.objects) == 1


def test_a_joint_question_is_about_all_its_objects(model, frame):
    query = Query([frame], BOXES, "Is <region> on <region>?")
    [inspection] = inspect(model, query, max_new_tokens=3)
    assert inspection.names == ("object 1", "cup")
    assert len(inspection.objects) == inspection.attention.objects_by_layer.shape[1] == 2


def test_an_object_over_time_has_object_tokens_for_each_frame(model, picture):
    frames = [ArrayFrame(np.roll(picture, 9 * k, 1), stamp_ns=k * 10**9) for k in range(2)]
    regions = [Region(frame=k, object_id="cup", box=(20, 20, 60, 50)) for k in range(2)]
    [inspection] = inspect(model, Query(frames, regions), max_new_tokens=2)
    assert inspection.names == ("cup, frame 0", "cup, frame 1")
    assert inspection.attention.objects_by_layer.shape[1] == 2
    if not model.config.is_lite:
        assert inspection.attention.image_tokens > 0


def test_two_looks_see_the_same(model, frame):
    first, second = (
        inspect(model, Query([frame], BOXES[:1]), max_new_tokens=4)[0] for _ in range(2)
    )
    assert first.tokens == second.tokens
    assert np.array_equal(first.attention.objects, second.attention.objects)
    assert np.array_equal(first.objects[0].token_of, second.objects[0].token_of)


@pytest.mark.parametrize(
    ("region", "prompt", "error", "message"),
    [
        (Region(box=(150, 0, 20, 20)), "", InvalidRegionError, "box covers x 150 to 170"),
        (Region(mask=np.zeros((120, 160), bool)), "", EmptyMaskError, "mask covers 0 pixels"),
        (Region(points=[(5, 5)]), "", InvalidRegionError, "points need a segmenter"),
        (BOXES[0], "<region> or <region>?", InvalidPromptError, "prompt has 2 <region>"),
    ],
)
def test_what_does_not_fit_is_named(model, frame, region, prompt, error, message):
    with pytest.raises(error, match=message):
        inspect(model, Query([frame], [region], prompt), max_new_tokens=2)

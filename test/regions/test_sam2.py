"""SAM 2 with its own architecture and random weights: everything but the quality of its masks."""

from __future__ import annotations

import numpy as np
import pytest
from moving_pictures import at, picture
from small_sam2 import save_image_model, save_video_model

from pixelrefer_ros.errors import CheckpointError
from pixelrefer_ros.regions.propagation import make_propagator
from pixelrefer_ros.regions.reference import Region
from pixelrefer_ros.regions.segmentation import make_segmenter

IMAGE = picture((60, 40, (30, 60, 220)))


@pytest.fixture(scope="module")
def segmenter(tmp_path_factory):
    return make_segmenter("sam2", model=str(save_image_model(tmp_path_factory.mktemp("image"))))


@pytest.fixture(scope="module")
def video_model(tmp_path_factory):
    return str(save_video_model(tmp_path_factory.mktemp("video")))


@pytest.mark.parametrize(
    "region",
    [
        Region(box=(50, 30, 40, 40)),
        Region(box=(50, 30, 40, 40), points=[(70, 50), (72, 55)]),
        Region(points=[(70, 50)]),
    ],
)
def test_a_mask_of_the_picture(segmenter, region):
    found = segmenter.segment(IMAGE, region)
    assert found.shape == IMAGE.shape[:2]
    assert found.dtype == np.bool_
    assert found.any()
    assert np.array_equal(found, segmenter.segment(IMAGE, region))


def test_masks_stay_as_they_are(segmenter):
    assert np.array_equal(segmenter.segment(IMAGE, Region(mask=at(20, 20))), at(20, 20))


def test_each_object_on_each_frame(video_model):
    propagator = make_propagator("sam2", model=video_model, threshold=0.0)
    tracker = propagator.start(IMAGE, [at(60, 40), at(20, 20)])
    for x in (64, 68):
        found = tracker.step(picture((x, 40, (30, 60, 220))))
        assert len(found) == 2
        for one in found:
            assert 0.0 <= one.score <= 1.0
            assert one.mask is None or one.mask.shape == IMAGE.shape[:2]
    strict = make_propagator("sam2", model=video_model, threshold=1.1)
    assert strict.start(IMAGE, [at(60, 40)]).step(IMAGE)[0].mask is None


def test_the_memory_of_a_long_video_does_not_grow(video_model):
    tracker = make_propagator("sam2", model=video_model).start(IMAGE, [at(60, 40)])

    def held() -> int:
        session, total = tracker._session, 0
        stores = [session.processed_frames, session.cache._vision_features]
        for outputs in session.output_dict_per_obj.values():
            stores += [*outputs["cond_frame_outputs"].values()]
            stores += [*outputs["non_cond_frame_outputs"].values()]
        for store in stores:
            total += sum(tensor.nbytes for tensor in store.values())
        return total

    sizes = []
    for _ in range(12):
        tracker.step(IMAGE)
        sizes.append(held())
    assert len(set(sizes[6:])) == 1


def test_no_object(video_model):
    assert make_propagator("sam2", model=video_model).start(IMAGE, []).step(IMAGE) == []


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("", "the folder or hub id of SAM 2 is empty"),
        ("/nowhere/sam2", "SAM 2 model '/nowhere/sam2' cannot be loaded: "),
        ("nobody/no-such-sam2", "SAM 2 model 'nobody/no-such-sam2' cannot be loaded: "),
    ],
)
def test_weights_that_are_not_there(model, message):
    with pytest.raises(CheckpointError, match=message):
        make_segmenter("sam2", model=model)
    with pytest.raises(CheckpointError, match=message):
        make_propagator("sam2", model=model)


def test_weights_of_something_else(segmenter, tmp_path):
    folder = save_image_model(tmp_path / "image")
    with pytest.raises(CheckpointError, match=r"lacks \d+ tensors, the first is "):
        make_propagator("sam2", model=str(folder))

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from region_masks import rectangle

from pixelrefer_ros.errors import EmptyMaskError, InvalidPromptError, InvalidRegionError
from pixelrefer_ros.model.compatibility import Compatibility
from pixelrefer_ros.model.preprocessing import RegionSample, resize_context
from pixelrefer_ros.model.recently_prepared import RecentlyPrepared

MASK = rectangle(120, 160, (20, 60), (30, 80))
OTHER = rectangle(120, 160, (70, 110), (90, 150))


def test_views_of_lite(lite, image):
    region, other = lite.prepare(
        RegionSample([image], [[(0, MASK)], [(0, OTHER)]], "<region>, <region>")
    ).regions
    assert region.global_view.grid == (24, 24)
    assert region.local_view.grid == (16, 16)
    assert region.global_view.key == other.global_view.key
    # Every object has its own surroundings, also where the reference shares them.
    assert not np.array_equal(region.local_view.patches, other.local_view.patches)


def test_what_questions_share_is_prepared_once(lite, full, image):
    recent = RecentlyPrepared()
    sample = RegionSample([image], [[(0, MASK)], [(0, OTHER)]], "<region>, <region>")
    one, other = lite.prepare(sample, recent).regions
    again = lite.prepare(RegionSample([image], [[(0, MASK)]], "What is <region>?"), recent)
    assert one.global_view is other.global_view
    assert lite.prepare(sample, recent).regions[0] is one
    # Two regions have less room each than one, in the official way.
    assert again.regions[0] is not one
    pictures = [full.prepare(sample, recent).frames[0] for _ in range(2)]
    assert pictures[0] is pictures[1]
    assert full.prepare(replace(sample, times=[0.0]), recent).frames[0] is not pictures[0]
    assert lite.prepare(sample).regions[0] is not one


def test_many_masks_share_the_patch_budget(lite, image):
    sample = RegionSample([image], [[(0, MASK)]] * 40, "<region>" * 40)
    region = lite.prepare(sample).regions[0]
    assert np.prod(region.global_view.grid) <= 8192 // 40
    assert np.prod(region.local_view.grid) <= 8192 // 40


def test_masks_do_not_share_the_patch_budget_in_the_papers_way(random_model, image):
    model = random_model(compat="paper")
    sample = RegionSample([image], [[(0, MASK)]] * 40, "<region>" * 40)
    assert model.prepare(sample).regions[0].global_view.grid == (24, 24)


@pytest.mark.parametrize(
    ("height", "width", "halvings"), [(223, 500, 0), (230, 480, 1), (999, 967, 3)]
)
def test_large_images_are_halved_in_the_papers_way(height, width, halvings, monkeypatch):
    smooth = np.linspace(0, 255, height * width * 3).reshape(height, width, 3).astype(np.uint8)
    usual, sizes = cv2.resize, []

    def resize(picture, size, **options):
        sizes.append(size)
        return usual(picture, size, **options)

    monkeypatch.setattr(cv2, "resize", resize)
    exact = resize_context(smooth, 56, Compatibility.official_lite())
    assert len(sizes) == 1
    halved = resize_context(smooth, 56, Compatibility.paper())
    assert sizes[1:] == [(width >> k, height >> k) for k in range(1, halvings + 1)] + [(56, 56)]
    assert np.abs(halved.astype(int) - exact).max() <= (2 if halvings else 0)


def test_a_video_of_the_full_model(full, image):
    moved = image.copy()
    moved[:28, :28] = 255 - moved[:28, :28]
    sample = RegionSample(
        [image, image, moved, image],
        [[(3, MASK)]],
        "What is <region>?",
        times=[0.0, 1.0, 2.0],
    )
    prepared = full.prepare(sample)
    # Three frames are the video, the fourth image is only looked at through its mask.
    assert len(prepared.frames) == 3
    assert [frame.merge for frame in prepared.frames] == [2, 2, 2]
    assert prepared.kept[0].all()
    assert prepared.kept[1].sum() == 1
    assert 1 <= prepared.kept[2].sum() < prepared.frames[2].tokens
    visual = int((prepared.token_ids == full.prompts.image_id).sum())
    assert visual == sum(int(kept.sum()) for kept in prepared.kept)


def test_an_empty_mask(lite, full, image):
    empty = np.zeros((120, 160), bool)
    sample = RegionSample([image], [[(0, empty)]], "<region>")
    (region,) = lite.prepare(sample).regions
    assert len(region.cells) == 0
    assert region.token_count == 32
    with pytest.raises(EmptyMaskError, match="120x160"):
        full.prepare(sample)


@pytest.mark.parametrize(
    ("objects", "message"),
    [
        ([[(0, MASK[:50])]], r"objects\[0\] has a bool mask of \[50, 160\], must be bool \[120"),
        ([[(0, MASK.astype(np.uint8) * 255)]], r"objects\[0\] has a uint8 mask"),
        ([[(1, MASK)]], r"objects\[0\] is on image 1, there are 1"),
        ([[(-1, MASK)]], r"objects\[0\] is on image -1"),
        ([[]], r"objects\[0\] has no mask"),
    ],
)
def test_refused_masks(lite, image, objects, message):
    with pytest.raises(InvalidRegionError, match=message):
        lite.prepare(RegionSample([image], objects, "<region>"))


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((120, 160), np.uint8),
        np.zeros((120, 160, 4), np.uint8),
        np.zeros((120, 160, 3), np.float32),
        np.zeros((0, 160, 3), np.uint8),
    ],
)
def test_refused_images(lite, wrong):
    with pytest.raises(InvalidRegionError, match=r"images\[0\] is .* must be uint8"):
        lite.prepare(RegionSample([wrong], [[(0, MASK)]], "<region>"))


def test_times_must_fit_the_images(lite, full, image):
    objects = [[(0, MASK)]]
    for model, times in ((lite, [0.0]), (lite, [0.0] * 3), (full, [0.0] * 3)):
        with pytest.raises(InvalidPromptError, match=f"{len(times)} times for 2 images"):
            model.prepare(RegionSample([image, image], objects, "<region>", times=times))

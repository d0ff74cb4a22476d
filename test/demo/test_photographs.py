from __future__ import annotations

import sys
from itertools import pairwise

import pytest

from pixelrefer_ros.demo import photographs
from pixelrefer_ros.errors import CommandError
from pixelrefer_ros.regions.reference import Region
from pixelrefer_ros.streams.bag_reader import BagReader

pytest.importorskip("skimage", reason="the photographs come with scikit-image")


def test_the_bag_is_what_a_camera_would_have_recorded(tmp_path):
    photographs.write_photographs(tmp_path / "bag")
    frames = list(BagReader(tmp_path / "bag").frames(photographs.TOPIC))
    assert len(frames) == 15 * len(photographs.SOURCES)
    assert {frame.rgb().shape for frame in frames} == {(480, 640, 3)}
    gaps = {later.stamp_ns - frame.stamp_ns for frame, later in pairwise(frames)}
    assert gaps == {1_000_000_000 // 15}
    pictures = {bytes(frame.image.data) for frame in frames}
    assert len(pictures) == len(photographs.SOURCES)


def test_every_question_points_at_something_on_a_frame_of_the_bag(tmp_path):
    photographs.write_photographs(tmp_path / "bag")
    stamps = {frame.stamp_ns for frame in BagReader(tmp_path / "bag").frames(photographs.TOPIC)}
    questions = photographs.make_questions()
    for question in questions:
        assert question.stamp_ns in stamps
        for region in question.regions:
            covered = region.to_mask(480, 640).mean()
            assert 0.001 < covered < 0.5
    asked = [region for question in questions for region in question.regions]
    for shape in ("box", "polygon", "mask"):
        assert any(getattr(region, shape) is not None for region in asked), shape
    assert any(len(question.regions) > 1 for question in questions)


def test_regions_lie_on_their_objects(tmp_path):
    """By the mean colour under their masks."""
    photographs.write_photographs(tmp_path / "bag")
    frames = {f.stamp_ns: f for f in BagReader(tmp_path / "bag").frames(photographs.TOPIC)}
    means = {}
    for question in photographs.make_questions():
        pixels = frames[question.stamp_ns].rgb()
        for region in question.regions:
            means[region.object_id] = pixels[region.to_mask(480, 640)].mean(axis=0)
    red, green, _ = means["eye"]
    assert green > 0.7 * red, "olive"
    red, green, _ = means["nose"]
    assert green < 0.5 * red, "red"
    red, green, blue = means["patch"]
    assert blue > red > green, "violet"


def test_without_scikit_image_one_line_says_so(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage", None)
    with pytest.raises(CommandError, match="pip install scikit-image"):
        photographs.write_photographs(tmp_path / "bag")


def test_a_mask_is_as_large_as_the_frame():
    masks = [r.mask for q in photographs.make_questions() for r in q.regions if r.mask is not None]
    assert {mask.shape for mask in masks} == {(480, 640)}
    assert isinstance(photographs.make_questions()[0].regions[0], Region)

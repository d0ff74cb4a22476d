"""The bag that ships with the package, and what is asked about it."""

from __future__ import annotations

import pytest

from pixelrefer_ros.demo.questions import Question, read_questions
from pixelrefer_ros.resources import find_demo
from pixelrefer_ros.streams.bag_reader import BagReader
from pixelrefer_ros.streams.frame import Frame

TOPIC = "/camera/image_raw/compressed"


@pytest.fixture(scope="module")
def frames() -> dict[int, Frame]:
    return {frame.stamp_ns: frame for frame in BagReader(find_demo("table_top")).frames(TOPIC)}


@pytest.fixture(scope="module")
def questions() -> list[Question]:
    return read_questions(find_demo("questions.json"))


def test_it_is_small():
    files = [path for path in find_demo("").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 3e6


def test_the_bag_is_what_a_camera_would_have_recorded(frames):
    first, *_, last = frames
    assert len(frames) == 41
    assert last - first == 5 * 10**9
    assert {frame.size for frame in frames.values()} == {(480, 640)}


def test_something_moves(frames):
    first, *_, last = (frame.rgb().astype(int) for frame in frames.values())
    assert (abs(first - last).max(axis=-1) > 60).sum() > 1000


def test_every_question_points_at_something_and_knows_its_answer(frames, questions):
    for question in questions:
        assert question.stamp_ns in frames
        assert question.expected
        for region in question.regions:
            assert 0.0005 < region.to_mask(480, 640).mean() < 0.1
    asked = [region for question in questions for region in question.regions]
    for shape in ("box", "polygon", "mask"):
        assert any(getattr(region, shape) is not None for region in asked), shape
    assert len({question.stamp_ns for question in questions}) > 1


def test_a_relation_is_asked_both_ways(questions):
    """With opposite answers."""
    pairs = {
        tuple(region.object_id for region in question.regions): question.expected
        for question in questions
        if question.prompt == "Where is <region> seen from <region>?"
    }
    assert pairs == {
        ("candle 1", "candle 2"): "to the left",
        ("candle 2", "candle 1"): "to the right",
    }


def test_regions_lie_on_their_objects(frames, questions):
    """By the mean colour under their masks."""
    means = {}
    for question in questions:
        pixels = frames[question.stamp_ns].rgb()
        for region in question.regions:
            means[region.object_id] = pixels[region.to_mask(480, 640)].mean(axis=0)
    red, green, blue = means["candle 1"]
    assert red > 3 * max(green, blue), "red"
    red, green, blue = means["candle 2"]
    assert red > blue > green, "pink"
    for ball in ("ball", "ball in hand"):
        red, green, blue = means[ball]
        assert green > 1.2 * max(red, blue), "green"
    red, green, blue = means["car"]
    assert min(red, green) > 1.15 * blue, "yellow, with the blue table around it"

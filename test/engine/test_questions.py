from __future__ import annotations

import numpy as np
import pytest

from pixelrefer_ros.engine.query import ArrayFrame, Query
from pixelrefer_ros.engine.questions import make_questions, make_sample
from pixelrefer_ros.errors import InvalidRegionError
from pixelrefer_ros.regions.reference import Region


def query(prompt: str, *regions: tuple[int, str], stamps: tuple[int, ...] = (10, 20)) -> Query:
    frames = [ArrayFrame(np.zeros((8, 8, 3), np.uint8), stamp_ns=stamp) for stamp in stamps]
    return Query(
        frames=frames,
        regions=[Region(frame=frame, object_id=name, box=(0, 0, 4, 4)) for frame, name in regions],
        prompt=prompt,
    )


def questions(asked: Query, *, is_lite: bool = True):
    masks = [region.to_mask(8, 8) for region in asked.regions]
    return make_questions(asked, masks, is_lite=is_lite)


def test_a_prompt_with_placeholders_is_one_joint_question():
    asked = query("Is <region> left of <region>?", (0, "a"), (0, "b"))
    [question] = questions(asked)
    assert question.object_ids == ("a", "b")
    assert question.text == "Is <region> left of <region>?"


def test_a_prompt_without_placeholder_is_asked_of_each_object():
    first, second = questions(query("What colour is it?", (0, ""), (0, "")))
    assert first.text == second.text
    assert first.text.count("<region>") == 1
    assert first.text.endswith("What colour is it?")


def test_no_prompt_asks_for_a_detailed_description():
    [question] = questions(query("", (0, "a")))
    assert "in detail" in question.text
    assert question.text.count("<region>") == 1


def test_the_full_model_is_asked_about_videos_in_its_own_words():
    asked = query("", (0, "cup"), (1, "cup"))
    [question] = questions(asked, is_lite=False)
    assert question.text == "Please describe in detail the marked object <region> in the video."
    [still] = questions(query("", (0, "cup")), is_lite=False)
    assert "the region <region> in the image" in still.text


def test_one_id_on_two_frames_is_one_object_in_time_order():
    asked = query("", (0, "cup"), (1, "cup"), stamps=(3_000_000_000, 1_500_000_000))
    [question] = questions(asked)
    assert [frame for frame, _ in question.tracks[0]] == [1, 0]
    assert "video" in question.text
    images = [frame.rgb() for frame in asked.frames]
    sample = make_sample(question, images, [frame.stamp_ns for frame in asked.frames])
    assert sample.times == [1.5, 0.0]


def test_unnamed_regions_are_objects_of_their_own():
    assert len(questions(query("", (0, ""), (1, "")))) == 2


def test_one_object_twice_on_a_frame_is_refused_by_index():
    with pytest.raises(InvalidRegionError, match=r"regions\[1\]: object_id 'cup'"):
        questions(query("", (0, "cup"), (0, "cup")))


def test_times_count_from_the_earliest_frame_of_the_query():
    asked = query(
        "What does <region> do?", (1, "a"), (2, "a"), stamps=(10**9, 2 * 10**9, 4 * 10**9)
    )
    [question] = questions(asked)
    images = [frame.rgb() for frame in asked.frames]
    sample = make_sample(question, images, [frame.stamp_ns for frame in asked.frames])
    assert sample.times == [1.0, 3.0]
    assert len(sample.images) == 2

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from pixelrefer_ros.simulation.clips import draw_clip
from pixelrefer_ros.simulation.conversation import talk_about_clip
from pixelrefer_ros.simulation.observation import observe, relation
from pixelrefer_ros.simulation.scene import HEIGHT, WIDTH
from pixelrefer_ros.simulation.tracking import follow


def said(pictures, task):
    return [(seen, one) for seen, talk in pictures for one in talk if one.task == task]


def test_much_is_asked(pictures):
    tasks = Counter(exchange.task for _, talk in pictures for exchange in talk)
    assert set(tasks) >= {
        "category", "colour", "material", "relation", "part", "yes_no", "caption", "description",
        "phrase", "size", "state", "use", "part_of", "count", "comparison", "choice",
        "place", "reason",
    }  # fmt: skip


def test_every_region_has_its_mark_and_every_answer_holds_what_is_expected(pictures):
    for seen, talk in pictures:
        for exchange in talk:
            assert exchange.question.count("<region>") == len(exchange.regions)
            assert exchange.accepted[0] == exchange.expected
            assert any(
                word in exchange.answer.lower() for word in map(str.lower, exchange.accepted)
            )
            assert "{" not in exchange.question + exchange.answer
            for index, part in exchange.regions:
                assert not part or seen[index].parts[part].any()
                assert seen[index].area > 0


def test_yes_and_no_are_balanced_for_each_topic(pictures):
    answers = Counter(exchange.expected for _, exchange in said(pictures, "yes_no"))
    assert answers["yes"] == answers["no"] > 20


@pytest.mark.parametrize(
    ("task", "attribute"),
    [("category", "category"), ("colour", "colour"), ("material", "look"), ("state", "state")],
)
def test_answers_are_what_was_measured(pictures, task, attribute):
    asked = said(pictures, task)
    assert asked
    for seen, exchange in asked:
        one = seen[exchange.regions[0][0]]
        assert exchange.expected == getattr(one, attribute)
        assert one.clear


def test_relations_are_asked_both_ways(pictures):
    for seen, exchange in (asked := said(pictures, "relation")):
        (i, _), (j, _) = exchange.regions
        assert exchange.expected == relation(seen[i], seen[j])
    pairs = {tuple(index for index, _ in exchange.regions) for _, exchange in asked}
    assert {(j, i) for i, j in pairs} == pairs


def test_places_are_where_the_middle_of_the_mask_is(pictures):
    tenths = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
    for seen, exchange in (asked := said(pictures, "place")):
        row, column = seen[exchange.regions[0][0]].row_column
        if exchange.expected in tenths:
            share = column / WIDTH if "left" in exchange.question else row / HEIGHT
            assert abs(tenths.index(exchange.expected) - 10 * share) <= 0.5
        else:
            assert ("left" in exchange.expected) == (column < WIDTH / 3)
            assert ("bottom" in exchange.expected) == (row >= 2 * HEIGHT / 3)
    assert len({exchange.expected for _, exchange in asked}) > 10


def test_counts_are_true(pictures):
    words = ["no", "one", "two", "three", "four", "five", "six"]
    for seen, exchange in said(pictures, "count"):
        category = seen[exchange.regions[0][0]].category
        assert words.index(exchange.expected) == sum(
            one.category == category and one.visible > 0 for one in seen
        )


def test_motion_is_asked_about(renderer):
    motions = []
    for number in range(4):
        random = np.random.default_rng([9, number])
        clip = draw_clip(random, (9, number))
        film = zip(clip.scenes, renderer.film(clip.scenes), strict=True)
        views = [observe(renderer, scene) for scene, _ in film]
        tracks = follow(clip.times, clip.scenes, views)
        talk = talk_about_clip(random, clip.times, tracks)
        for exchange in talk:
            assert exchange.question.count("<region>") == 1
            if exchange.task == "motion":
                assert exchange.expected == tracks[exchange.regions[0][0]].motion
                motions.append(exchange.expected)
        answers = Counter(one.expected for one in talk if one.task == "yes_no")
        assert answers["yes"] == answers["no"]
    assert len(motions) >= 4

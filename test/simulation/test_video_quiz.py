from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from pixelrefer_ros.simulation.clips import draw_clip
from pixelrefer_ros.simulation.observation import observe, relation
from pixelrefer_ros.simulation.scene import WIDTH
from pixelrefer_ros.simulation.tracking import follow
from pixelrefer_ros.simulation.video_quiz import CAUSES, FUTURES, SHOWN, TYPES, ask_quiz


@pytest.fixture(scope="module")
def quizzes(renderer):
    """The times and tracks of some clips, and the quiz about each."""
    made = []
    for number in range(8):
        random = np.random.default_rng([9, number])
        clip = draw_clip(random, (9, number))
        film = zip(clip.scenes, renderer.film(clip.scenes), strict=True)
        views = [observe(renderer, scene) for scene, _ in film]
        tracks = follow(clip.times, clip.scenes, views)
        made.append((clip.times, tracks, ask_quiz(random, clip.times, tracks)))
    return made


def asked(quizzes, kind):
    return [
        (times, tracks, exchange)
        for times, tracks, quiz in quizzes
        for exchange in quiz
        if exchange.question_type == kind
    ]


def test_all_types_are_asked(quizzes):
    kinds = Counter(exchange.question_type for *_, quiz in quizzes for exchange in quiz)
    assert set(kinds) == set(TYPES)


def test_one_of_four_choices_is_right_and_all_are_in_the_question(quizzes):
    for *_, quiz in quizzes:
        for exchange in quiz:
            assert len({choice[4:] for choice in exchange.choices}) == 4
            assert [choice[:3] for choice in exchange.choices] == ["(a)", "(b)", "(c)", "(d)"]
            assert exchange.choices.count(exchange.expected) == 1
            assert all(choice in exchange.question for choice in exchange.choices)
            assert exchange.question.count("<region>") == len(exchange.regions)


def test_the_right_choice_stands_anywhere(quizzes):
    letters = Counter(exchange.expected[:3] for *_, quiz in quizzes for exchange in quiz)
    assert len(letters) == 4


def test_things_and_places_are_those_seen(quizzes):
    for _, tracks, exchange in asked(quizzes, "basic"):
        best = tracks[exchange.regions[0][0]].best
        assert exchange.expected[4:] in (best.category, best.colour)
    for _, tracks, exchange in asked(quizzes, "relationship"):
        first, second = (tracks[index].seen[-1] for index, _ in exchange.regions)
        assert exchange.expected[4:] == relation(first, second)


def test_order_is_that_of_the_movement(quizzes):
    for times, tracks, exchange in asked(quizzes, "sequential"):
        moves, right = tracks[exchange.regions[0][0]].moves, exchange.expected[4:]
        assert (moves is None) == (right == "never")
        if moves is not None:
            assert (moves[0] > 0) == (right in ("at the end only", "in between only"))
            assert (moves[1] < times[-1]) == (right in ("at the beginning only", "in between only"))


def test_the_cause_is_what_was_measured(quizzes):
    for _, tracks, exchange in asked(quizzes, "reasoning"):
        track = tracks[exchange.regions[0][0]]
        assert exchange.expected[4:] == CAUSES[track.manner or track.motion]


def test_the_future_is_in_the_frames_that_are_not_shown(quizzes):
    found = asked(quizzes, "future")
    for _, tracks, exchange in found:
        seen = tracks[exchange.regions[0][0]].seen
        here, later = seen[exchange.shown - 1].row_column, seen[-1].row_column
        assert exchange.shown == SHOWN < len(seen)
        moved = (later[1] - here[1]) / WIDTH
        right = exchange.expected[4:]
        assert right != FUTURES["left"] or moved < -0.04
        assert right != FUTURES["right"] or moved > 0.04
        assert right != FUTURES["still"] or abs(moved) < 0.005
    assert {exchange.shown for *_, quiz in quizzes for exchange in quiz} == {0, SHOWN}
    assert len({exchange.expected[4:] for *_, exchange in found}) > 1

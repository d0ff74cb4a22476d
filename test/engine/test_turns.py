"""Clients take turns."""

from __future__ import annotations

from typing import NamedTuple

from pixelrefer_ros.engine.turns import Turns


class Sent(NamedTuple):
    client: str
    number: int


def turns(*names: str) -> Turns[Sent]:
    waiting: Turns[Sent] = Turns()
    for name in names:
        waiting.append(Sent(name[0], int(name[1])))
    return waiting


def names(sents) -> list[str]:
    return [f"{sent.client}{sent.number}" for sent in sents]


def test_one_of_each_then_one_more_of_each():
    waiting = turns("a1", "a2", "a3", "b1", "c1", "c2")
    assert names(waiting) == ["a1", "b1", "c1", "a2", "c2", "a3"]
    assert names(waiting.take() for _ in range(6)) == ["a1", "b1", "c1", "a2", "c2", "a3"]
    assert len(waiting) == 0


def test_the_order_told_is_the_order_taken_whenever_somebody_comes():
    waiting = turns("a1", "a2", "a3")
    assert waiting.take() == ("a", 1)
    waiting.append(Sent("b", 1))
    waiting.append(Sent("a", 4))
    told = names(waiting)
    assert told == ["a2", "b1", "a3", "a4"]
    assert names(waiting.take() for _ in range(4)) == told


def test_who_asks_one_at_a_time_is_never_more_than_a_turn_away():
    waiting = turns(*[f"a{n}" for n in range(9)])
    for n in range(4):
        waiting.append(Sent("b", n))
        assert names(waiting).index(f"b{n}") <= 1
        while waiting.take() != ("b", n):
            pass


def test_room_is_made_by_whoever_has_most_and_only_if_that_is_fairer():
    waiting = turns("a1", "a2", "a3", "b1", "b2")
    assert waiting.make_room("c") == ("a", 3)
    assert waiting.make_room("a") is None
    assert waiting.make_room("b") is None
    assert waiting.make_room("c") == ("a", 2)
    assert waiting.make_room("c") == ("b", 2)
    assert waiting.make_room("c") is None
    assert names(waiting) == ["a1", "b1"]
    assert turns().make_room("a") is None


def test_what_is_not_wanted_is_forgotten_and_the_turns_stay():
    waiting = turns("a1", "b1", "a2", "c1")
    waiting.keep(lambda sent: sent.client != "b" and sent.number == 1)
    assert names(waiting) == ["a1", "c1"]
    waiting.clear()
    assert names(waiting) == []

from __future__ import annotations

import pytest
from table_tops import table_top, thing

from pixelrefer_ros.simulation.observation import count_of, observe, relation


def look(renderer, *things):
    scene = table_top(things)
    renderer.open(scene)
    return observe(renderer, scene)


@pytest.mark.parametrize(
    ("place", "expected", "swapped"),
    [
        ((-0.2, 0.0), "left", "right"),
        ((0.2, 0.02), "right", "left"),
        ((0.0, -0.2), "in front", "behind"),
        ((0.03, 0.25), "behind", "in front"),
        ((0.15, 0.15), None, None),
        ((0.06, 0.0), None, None),
    ],
)
def test_relations_are_those_of_the_camera_and_flip(renderer, place, expected, swapped):
    mug, ball = look(renderer, thing("mug", *place, scale=0.6), thing("ball", 0, 0, scale=0.6))
    assert relation(mug, ball) == expected
    assert relation(ball, mug) == swapped


def test_what_is_covered_is_measured(renderer):
    box, ball, mug = look(
        renderer,
        thing("box", 0, -0.15, scale=1.4),
        thing("ball", 0, 0.03, scale=0.7),
        thing("mug", 0.3, 0),
    )
    assert box.visible == pytest.approx(1, abs=0.02)
    assert mug.visible == pytest.approx(1, abs=0.02)
    assert ball.visible < 0.2
    assert not ball.clear
    assert count_of([box, ball, mug], "mug") == 1
    assert ball.visible == 0 or count_of([box, ball, mug], "ball") is None


def test_parts_lie_within_the_object_and_hidden_ones_are_named(renderer):
    [aside] = look(renderer, thing("mug", 0, 0))
    assert set(aside.parts) | set(aside.hidden_parts) == {"body", "handle"}
    assert all((mask <= aside.mask).all() for mask in aside.parts.values())
    away = thing("mug", 0, 0)
    away.orientation = away.orientation @ away.orientation.T  # its handle to the right
    [seen] = look(renderer, away)
    assert seen.parts["handle"].any()
    assert not (seen.parts["handle"] & seen.parts["body"]).any()


def test_state_size_and_cut(renderer):
    standing, lying = look(
        renderer, thing("bottle", -0.2, 0), thing("bottle", 0.2, 0, lying=True, scale=1.4)
    )
    assert (standing.state, lying.state) == ("standing", "lying")
    assert lying.size == "large"
    small, edge = look(renderer, thing("ball", 0, 0, scale=0.7), thing("ball", 0.42, -0.1))
    assert (small.size, small.state, small.cut) == ("small", None, False)
    assert edge.cut or not edge.mask.any()


def test_the_colour_is_left_unsaid_where_little_of_it_is_seen(renderer):
    ball, plant = look(renderer, thing("ball", -0.2, 0), thing("plant", 0.2, 0, look="wood"))
    assert ball.colour == "red"
    pot = plant.parts["pot"].sum() / plant.area
    assert (plant.colour is None) == (pot < 0.4)

from __future__ import annotations

import numpy as np
import pytest

from pixelrefer_ros.simulation.categories import CATEGORIES
from pixelrefer_ros.simulation.looks import COLOURS, LOOKS
from pixelrefer_ros.simulation.scene import bounds, draw_scene, draw_thing, reach


def scene(number: int):
    return draw_scene(np.random.default_rng([3, number]), (3, number))


def test_a_seed_gives_the_same_scene_and_another_gives_another():
    one, same, other = scene(1), scene(1), scene(2)
    for left, right in zip(one.things, same.things, strict=True):
        np.testing.assert_array_equal(left.points(), right.points())
        assert (left.category, left.colour, left.look) == (right.category, right.colour, right.look)
    assert len(one.things) != len(other.things) or not np.array_equal(
        one.camera.position, other.camera.position
    )


@pytest.mark.parametrize("number", range(6))
def test_things_rest_on_the_table_side_by_side(number):
    drawn = scene(number)
    assert drawn.things
    places = [reach(thing) for thing in drawn.things]
    for index, (thing, (middle, radius)) in enumerate(zip(drawn.things, places, strict=True)):
        assert bounds(thing)[0][2] == pytest.approx(drawn.table[2])
        for other, size in places[:index]:
            assert np.linalg.norm(middle - other) > 0.9 * (radius + size)


def test_every_category_colour_and_look_occurs():
    random = np.random.default_rng(0)
    things = [draw_thing(random) for _ in range(500)]
    assert {thing.category.name for thing in things} == set(CATEGORIES)
    assert {thing.colour for thing in things} == set(COLOURS)
    assert {thing.look for thing in things} == set(LOOKS)


@pytest.mark.parametrize("name", [c.name for c in CATEGORIES.values() if c.upright])
def test_what_lies_touches_the_ground_on_both_sides_of_its_middle(name):
    thing = draw_thing(np.random.default_rng(0), CATEGORIES[name], lying=True, scale=1.0)
    points = thing.points()
    low = points[points[:, 2] < points[:, 2].min() + 0.004, :2]
    middle = (points.min(axis=0) + points.max(axis=0))[:2] / 2
    along = (low - middle) @ thing.orientation[:2, 2]
    assert along.min() < 0.01
    assert along.max() > -0.01
    assert np.ptp(along) > 0.02


def test_the_camera_projects_its_target_to_the_middle():
    drawn = scene(4)
    ahead = drawn.camera.position - 0.7 * drawn.camera.axes[2]
    np.testing.assert_allclose(drawn.camera.project(ahead[None])[0], [320, 240, 0.7], atol=1e-6)

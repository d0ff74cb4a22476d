from __future__ import annotations

import numpy as np
import pytest
from table_tops import table_top, thing

from pixelrefer_ros.errors import DeviceError
from pixelrefer_ros.simulation import renderer as module
from pixelrefer_ros.simulation.observation import observe


def test_the_mask_of_a_lone_red_ball_is_red_and_round(renderer):
    scene = table_top([thing("ball", 0, 0)])
    renderer.open(scene)
    picture = renderer.picture().astype(int)
    [ball] = observe(renderer, scene)
    inside, outside = picture[ball.mask], picture[~ball.mask]
    assert (inside[:, 0] > 2 * inside[:, 1:].max(axis=1)).mean() > 0.95
    assert (outside[:, 0] > 2 * outside[:, 1:].max(axis=1)).mean() < 0.01
    rows, columns = np.nonzero(ball.mask)
    radius = (np.ptp(columns) + 1) / 2
    assert ball.area == pytest.approx(np.pi * radius**2, rel=0.05)
    assert np.ptp(rows) == pytest.approx(np.ptp(columns), abs=3)
    assert ball.visible == pytest.approx(1, abs=0.02)


def test_a_scene_looks_the_same_whatever_was_drawn_before(renderer):
    scene = table_top([thing("mug", 0, 0, look="metal"), thing("plant", 0.2, 0.1, look="wood")])
    renderer.open(scene)
    first = renderer.picture()
    renderer.open(table_top([thing("vase", 0, 0, look="glass")]))
    assert (renderer.picture() != first).any()
    renderer.open(scene)
    np.testing.assert_array_equal(renderer.picture(), first)


@pytest.mark.parametrize(("look", "seen_through"), [("plastic", False), ("glass", True)])
def test_glass_alone_is_seen_through(renderer, look, seen_through):
    pictures = []
    for behind in ([], [thing("ball", 0, 0.15, colour="white")]):
        scene = table_top([thing("vase", 0, 0, look=look), *behind])
        renderer.open(scene)
        mask = observe(renderer, scene)[0].mask
        pictures.append(renderer.picture()[mask].astype(int))
    changed = np.abs(pictures[0] - pictures[1]).max(axis=1) > 20
    assert (changed.mean() > 0.05) == seen_through


def test_film_moves_things(renderer):
    still, moved = table_top([thing("ball", -0.2, 0)]), table_top([thing("ball", 0.2, 0)])
    places = []
    for scene, picture in zip((still, moved), renderer.film((still, moved)), strict=True):
        [ball] = observe(renderer, scene)
        assert (picture[ball.mask][:, 0] > 60).mean() > 0.9
        places.append(ball.row_column[1])
    assert places[0] < 250
    assert places[1] > 390


def test_a_way_to_draw_that_does_not_exist_is_named(monkeypatch):
    monkeypatch.setenv("MUJOCO_GL", "paper")
    with pytest.raises(DeviceError, match=r"^MUJOCO_GL is 'paper', must be one of egl, osmesa$"):
        module.Renderer()


def test_what_is_missing_is_said_in_one_sentence(monkeypatch):
    monkeypatch.setattr(module, "LIBRARIES", {"egl": "libNoSuch.so.1"})
    monkeypatch.delenv("MUJOCO_GL", raising=False)
    with pytest.raises(DeviceError, match=r"^nothing here can draw .* apt install libegl1"):
        module.Renderer()

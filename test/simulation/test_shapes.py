from __future__ import annotations

import numpy as np
import pytest

from pixelrefer_ros.simulation.shapes import arc, box, lathe, prism, rotation, rounded, tube


def volume(surface) -> float:
    """Volume enclosed, positive when the faces look outward (divergence theorem)."""
    a, b, c = (surface.vertices[surface.faces[:, corner]] for corner in range(3))
    return float((a * np.cross(b, c)).sum() / 6)


CYLINDER = [(0, 0), (0.5, 0), (0.5, 2), (0, 2)]
BALL = [(np.cos(angle), np.sin(angle)) for angle in np.radians(np.linspace(-90, 90, 41))]


@pytest.mark.parametrize(
    ("surface", "expected"),
    [
        (box(1, 2, 3), 6.0),
        (prism([(0, 0), (1, 0), (0, 1)], 2), 1.0),
        (rounded(2, 1, 1, 0.25), 2 - (4 - np.pi) * 0.25**2),
        (lathe(CYLINDER), np.pi * 0.25 * 2),
        (lathe(BALL), 4 / 3 * np.pi),
        (tube([[0, 0, 0], [0, 0, 1], [0, 0, 2]], 0.5), np.pi * 0.25 * 2),
        (tube(arc([0, 0, 0], 1, 0, 180), 0.1), np.pi**2 * 0.01),
        (box(1, 2, 3).turned(0, 30).moved([5, 5, 5]), 6.0),
    ],
)
def test_surfaces_are_closed_and_look_outward(surface, expected):
    assert volume(surface) == pytest.approx(expected, rel=0.06)
    assert len(surface.vertices) == len(surface.normals) == len(surface.grain)


@pytest.mark.parametrize(
    "surface", [box(1, 2, 3), lathe(BALL), tube(arc([0, 0, 0], 1, 0, 90), 0.1)]
)
def test_normals_agree_with_faces(surface):
    a, b, c = (surface.vertices[surface.faces[:, corner]] for corner in range(3))
    facing = np.cross(b - a, c - a)
    real = np.linalg.norm(facing, axis=1) > 1e-9
    mean = surface.normals[surface.faces].mean(axis=1)
    assert ((facing * mean).sum(axis=1)[real] > 0).all()
    np.testing.assert_allclose(np.linalg.norm(surface.normals, axis=1), 1, atol=1e-9)


def test_a_ball_is_smooth_and_a_cylinder_has_edges():
    ball = lathe(BALL)
    np.testing.assert_allclose(ball.normals[SOMEWHERE], ball.vertices[SOMEWHERE], atol=0.05)
    sides = np.abs(lathe(CYLINDER).normals[:, 2])
    assert set(np.round(sides, 6)) == {0.0, 1.0}


SOMEWHERE = slice(100, 900, 7)


def test_a_quarter_turn_about_z_takes_x_to_y():
    np.testing.assert_allclose(rotation(2, 90) @ [1, 0, 0], [0, 1, 0], atol=1e-12)

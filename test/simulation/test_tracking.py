from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from table_tops import table_top, thing

from pixelrefer_ros.simulation.clips import about
from pixelrefer_ros.simulation.observation import observe
from pixelrefer_ros.simulation.tracking import follow


def follow_ball(renderer, *, shift=(0.0, 0.0, 0.0), turn=0.0):
    """Move a ball in three steps; `turn` is in degrees about the camera's line of sight."""
    ball, scenes = thing("ball", -0.1, 0), []
    for share in (0, 1 / 3, 2 / 3, 1):
        matrix = about(np.array([0, 1.0, 0]), np.radians(turn * share))
        middle = ball.points().mean(axis=0)
        position = middle + matrix @ (ball.position - middle) + share * np.array(shift)
        moved = replace(ball, position=position, orientation=matrix @ ball.orientation)
        scenes.append(table_top([moved]))
    views = [
        observe(renderer, scene) for scene, _ in zip(scenes, renderer.film(scenes), strict=True)
    ]
    [track] = follow((0.0, 0.4, 0.8, 1.2), scenes, views)
    return track


@pytest.mark.parametrize(
    ("shift", "turn", "motion", "direction"),
    [
        ((0, 0, 0), 0, "still", None),
        ((0.25, 0, 0), 0, "right", "right"),
        ((-0.2, 0.02, 0), 0, "left", "left"),
        ((0.25, 0, 0), 300, "rolling", "right"),
        ((0, 0, -0.2), 0, "falling", None),
        # ambiguous: a little, away from the camera, turning without rolling far
        ((0.03, 0, 0), 0, None, None),
        ((0, 0.25, 0), 0, None, None),
        ((0.25, 0, 0), 30, None, "right"),
    ],
)
def test_motion_is_named_by_measure_alone(renderer, shift, turn, motion, direction):
    track = follow_ball(renderer, shift=shift, turn=turn)
    assert track.motion == motion
    assert track.direction == direction
    assert track.manner is None
    assert track.moves == (None if motion == "still" else (0.0, 1.2))

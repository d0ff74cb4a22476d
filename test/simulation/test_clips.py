from __future__ import annotations

import numpy as np
import pytest

from pixelrefer_ros.simulation import clips
from pixelrefer_ros.simulation.observation import observe
from pixelrefer_ros.simulation.tracking import follow


def tracks_of(renderer, monkeypatch, act: str, number: int):
    monkeypatch.setattr(clips, "_ACTS", {act: clips._ACTS[act]})
    clip = clips.draw_clip(np.random.default_rng([5, number]), (5, number))
    views = [
        observe(renderer, scene)
        for scene, _ in zip(clip.scenes, renderer.film(clip.scenes), strict=True)
    ]
    return clip, follow(clip.times, clip.scenes, views)


@pytest.mark.parametrize(
    ("act", "motions", "manner"),
    [
        ("stay", {"still"}, None),
        ("slide", {"left", "right"}, None),
        ("push", {"left", "right"}, "pushed"),
        ("carry", {"left", "right"}, "carried"),
        ("roll", {"rolling"}, None),
        ("drop", {"falling"}, None),
        ("topple", {"falling"}, None),
    ],
)
def test_what_happens_is_what_is_measured(renderer, monkeypatch, act, motions, manner):
    clip, tracks = tracks_of(renderer, monkeypatch, act, 2)
    assert len(clip.times) == clips.FRAMES
    assert 1 <= clip.times[-1] <= 2
    actor, *bystanders = tracks
    assert actor.motion in motions
    assert actor.manner == manner
    assert all(track.motion == "still" for track in bystanders)
    if actor.moves is not None:
        begin, end = actor.moves
        assert 0 <= begin < end <= clip.times[-1]
    if actor.motion in ("left", "right"):
        columns = [actor.seen[frame].row_column[1] for frame in actor.frames]
        assert (columns[-1] > columns[0]) == (actor.motion == "right")


def test_something_comes_out_from_behind_what_hid_it(renderer, monkeypatch):
    found = [tracks_of(renderer, monkeypatch, "appear", number)[1] for number in range(3)]
    appeared = [tracks for tracks in found if tracks[0].appears is not None]
    assert appeared
    for tracks in appeared:
        actor = tracks[0]
        assert actor.behind == 1
        assert actor.seen[0].visible < 0.05
        assert actor.seen[-1].clear
        assert 0 < actor.appears <= 2


def test_a_seed_gives_the_same_clip():
    one, same = (clips.draw_clip(np.random.default_rng(7), (7,)) for _ in range(2))
    for left, right in zip(one.scenes, same.scenes, strict=True):
        np.testing.assert_array_equal(left.things[0].points(), right.things[0].points())


def test_a_turn_about_an_axis_is_right_handed():
    turned = clips.about(np.array([0, 0, 1.0]), np.pi / 2) @ [1, 0, 0]
    np.testing.assert_allclose(turned, [0, 1, 0], atol=1e-12)

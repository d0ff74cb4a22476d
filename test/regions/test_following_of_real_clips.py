"""Objects of real clips, 7.5 Hz and 640 x 360, given on the first frame only, by `flow`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pixelrefer_ros.regions.propagation import TrackedMask, make_propagator, propagate
from pixelrefer_ros.regions.reference import Mask, Region

CLIPS = Path(__file__).resolve().parents[3] / "shared" / "data" / "videos"

if not CLIPS.exists():
    pytest.skip("the recordings beside the checkout are not here", allow_module_level=True)


def truth(clip: str) -> dict[tuple[str, int], Mask]:
    """Return the polygons that people drew, as masks, by object and frame."""
    values = json.loads((CLIPS / clip / "annotations.json").read_text())
    size = values["height"], values["width"]
    return {
        (one["id"], one["frame"]): Region(polygon=one["polygon"]).to_mask(*size)
        for one in values["annotations"]
    }


def follow(clip: str, masks: list[Mask]) -> list[list[TrackedMask]]:
    """Return what is found of the objects on each frame, given where they are on the first."""
    images = [np.asarray(Image.open(path)) for path in sorted((CLIPS / clip).glob("*.jpg"))]
    return propagate(make_propagator("flow"), images, 0, masks)


def iou(found: TrackedMask, mask: Mask) -> float:
    if found.mask is None:
        return 0.0
    return float((found.mask & mask).sum() / (found.mask | mask).sum())


def test_a_mug_and_a_kettle_that_is_lifted_and_partly_leaves():
    masks = truth("coffee_pour")
    found = follow("coffee_pour", [masks["mug", 0], masks["kettle", 0]])
    mug, kettle = (
        [iou(found[frame][place], masks[name, frame]) for frame in (4, 10, 30, 70)]
        for place, name in enumerate(("mug", "kettle"))
    )
    assert min(mug) > 0.9, mug
    assert np.mean(kettle) > 0.7, kettle
    assert min(kettle) > 0.55, kettle


def test_a_ball_that_a_cup_covers_for_most_of_the_time():
    masks = truth("cups")
    found = [ball for [ball] in follow("cups", [masks["ball", 0]])]
    assert all(ball.mask is not None for ball in found[:5])
    assert all(ball.mask is None for ball in found[7:72]), "below a cup"
    assert all(ball.mask is not None for ball in found[73:]), "the cup is lifted"
    assert iou(found[74], masks["ball", 74]) > 0.85

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pixelrefer_ros.cli import main
from pixelrefer_ros.errors import DatasetError
from pixelrefer_ros.evaluation.propagation import measure_propagation
from pixelrefer_ros.regions.propagation import make_propagator
from pixelrefer_ros.simulation.rle import encode

HEIGHT, WIDTH, SIDE = 96, 128, 24
PLACES = (10, 20, 30, None, None)
"""Where the square is in each frame; None where it is not there."""


def mask(x: int) -> np.ndarray:
    inside = np.zeros((HEIGHT, WIDTH), bool)
    inside[40 : 40 + SIDE, x : x + SIDE] = True
    return inside


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """A clip as `pixelrefer simulate` writes it: a square goes to the right and is gone."""
    folder = tmp_path_factory.mktemp("clips")
    random = np.random.default_rng(0)
    ground = random.integers(120, 160, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    red = np.array((200, 20, 20))
    square = (red + random.integers(0, 40, (SIDE, SIDE, 3))).astype(np.uint8)
    for number, x in enumerate(PLACES):
        image = ground.copy()
        if x is not None:
            image[mask(x)] = square.reshape(-1, 3)
        Image.fromarray(image).save(folder / f"{number}.png")
    track = {
        str(number): {"segmentation": encode(mask(x))}
        for number, x in enumerate(PLACES)
        if x is not None
    }
    record = {
        "video": ".",
        "frames": [f"{number}.png" for number in range(len(PLACES))],
        "annotation": [track],
        "task": "motion",
        "expected": "right",
    }
    (folder / "annotations.json").write_text(json.dumps([record, {**record, "task": "colour"}]))
    return folder


def test_flow_is_right_where_it_is_seen_and_where_it_is_not(data):
    found = measure_propagation(make_propagator("flow"), data)
    assert list(found) == ["right"]
    right = found["right"].to_dict()
    # Forward from the first frame: 2 seen, 2 gone; backward from the third: 2 seen.
    assert (right["n"], right["hidden"]) == (4, 2)
    assert right["mean_iou"] > 0.8
    assert right["hidden_lost"] == 1.0


def test_what_is_not_followed_counts_as_wrong_but_rightly_lost(data):
    right = measure_propagation(make_propagator("none"), data)["right"].to_dict()
    assert right == {"mean_iou": 0.0, "n": 4, "hidden_lost": 1.0, "hidden": 2}


def test_the_command(data, capsys):
    assert main(["evaluate", "--data", str(data), "--propagation", "flow", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["propagation"]["right"]["n"] == 4
    assert main(["evaluate", "--data", str(data), "--propagation", "flow"]) == 0
    assert "right" in capsys.readouterr().out


def test_a_data_set_without_clips(tmp_path):
    (tmp_path / "annotations.json").write_text("[]")
    with pytest.raises(DatasetError, match="no records of the tasks"):
        measure_propagation(make_propagator("flow"), tmp_path)

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from pixelrefer_ros.errors import DeviceError
from pixelrefer_ros.simulation.conversation import talk_about_picture
from pixelrefer_ros.simulation.observation import observe
from pixelrefer_ros.simulation.renderer import Renderer
from pixelrefer_ros.simulation.scene import draw_scene


@pytest.fixture(scope="session")
def renderer() -> Iterator[Renderer]:
    try:
        made = Renderer()
    except DeviceError as error:
        pytest.skip(str(error))
    with made:
        yield made


@pytest.fixture(scope="session")
def pictures(renderer):
    """What is seen in some pictures, and what is said about it."""
    made = []
    for number in range(12):
        random = np.random.default_rng([8, number])
        scene = draw_scene(random, (8, number))
        renderer.open(scene)
        seen = observe(renderer, scene)
        made.append((seen, talk_about_picture(random, seen)))
    return made

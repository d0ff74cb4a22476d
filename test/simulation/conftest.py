from __future__ import annotations

from collections.abc import Iterator

import pytest

from pixelrefer_ros.errors import DeviceError
from pixelrefer_ros.simulation.renderer import Renderer


@pytest.fixture(scope="session")
def renderer() -> Iterator[Renderer]:
    try:
        made = Renderer()
    except DeviceError as error:
        pytest.skip(str(error))
    with made:
        yield made

"""An engine that has ended, or never began, keeps no memory."""

from __future__ import annotations

import time
import weakref

import numpy as np
import pytest

from pixelrefer_ros.engine.describer import Describer
from pixelrefer_ros.model.pixelrefer import PixelRefer
from pixelrefer_ros.regions.reference import Region


def test_a_closed_engine_lets_go_of_its_model(tiny_model_path, without_collector):
    """At once: the collector of cycles may take minutes, and the next model needs the memory."""
    describer = Describer.from_pretrained(str(tiny_model_path), watchdog=60.0)
    assert describer.describe(np.zeros((120, 160, 3), np.uint8), Region(box=(40, 30, 40, 30)))
    model = weakref.ref(describer.model)
    describer.close()
    del describer
    assert model() is None


def test_an_engine_that_cannot_start_leaves_nothing_behind(
    tiny_model_path, monkeypatch, without_collector
):
    def fail(*_: object, **__: object) -> None:
        raise MemoryError("the cache of the decoder")

    monkeypatch.setattr("pixelrefer_ros.engine.describer.Worker", fail)
    model = PixelRefer.from_pretrained(str(tiny_model_path))
    with pytest.raises(MemoryError):
        Describer(model, watchdog=60.0)
    kept = weakref.ref(model)
    del model
    deadline = time.monotonic() + 60
    while kept() is not None:
        assert time.monotonic() < deadline
        time.sleep(0.05)

"""A model of each framework, and a question asked of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from pixelrefer_ros.model.pixelrefer import EncodedViews, PixelRefer
from pixelrefer_ros.model.preprocessing import PreparedSample, RegionSample


@dataclass
class Asked:
    model: PixelRefer
    sample: RegionSample
    prepared: PreparedSample
    views: EncodedViews
    embeds: torch.Tensor

    @property
    def masks(self) -> list[tuple[np.ndarray, np.ndarray]]:
        return [(self.sample.images[k], mask) for track in self.sample.objects for k, mask in track]


@pytest.fixture(scope="session", params=["tiny_model", "full_model"])
def model(request) -> PixelRefer:
    """PixelRefer-Lite, then PixelRefer."""
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="session")
def asked(model, picture) -> Asked:
    """Ask about two objects, one of them with fewer patches than there are object tokens."""
    with torch.inference_mode():
        large, small = np.zeros((2, *picture.shape[:2]), bool)
        large[20:100, 30:110] = True
        large[40:60, 50:60] = False
        small[100:103, 140:143] = True
        objects = [[(0, large)], [(0, small)]]
        sample = RegionSample([picture], objects, "Is <region> left of <region>?")
        prepared = model.prepare(sample)
        views = model.encode([prepared])
        [embeds] = model.infuse([prepared], views)
    return Asked(model, sample, prepared, views, embeds)

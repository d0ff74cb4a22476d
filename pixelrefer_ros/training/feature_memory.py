"""What a frozen vision encoder makes of views, kept from one step to the next."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from hashlib import blake2b

import torch

from pixelrefer_ros.model.image_processor import View
from pixelrefer_ros.model.pixelrefer import EncodedViews, PixelRefer
from pixelrefer_ros.model.preprocessing import PreparedSample

Content = tuple[bytes, tuple[int, int], int]


class FeatureMemory:
    """Gives features of views that were seen before, whatever picture object they are of.

    In main memory, in 16 bits, at most `capacity` bytes; what was unused for longest leaves first.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._kept: OrderedDict[Content, torch.Tensor] = OrderedDict()
        self._nbytes = 0

    def encode(self, model: PixelRefer, samples: Sequence[PreparedSample]) -> EncodedViews:
        """Do what `model.encode` does, rounded to 16 bits, with a pass for new views only."""
        views = {view.key: view for sample in samples for view in sample.views()}
        contents = {key: _content(view) for key, view in views.items()}
        new = {content: views[key] for key, content in contents.items()}
        for content in [content for content in new if content in self._kept]:
            self._kept.move_to_end(content)
            del new[content]
        encoded = model.encode_views(list(new.values()))
        found = {content: encoded[view].half().cpu() for content, view in new.items()}
        known = {**found, **{c: self._kept[c] for c in contents.values() if c not in found}}
        encoder = model.vision_encoder
        features = {
            key: known[content].to(device=encoder.device, dtype=encoder.dtype)
            for key, content in contents.items()
        }
        for content, tensor in found.items():
            self._keep(content, tensor)
        return EncodedViews(features)

    def _keep(self, content: Content, features: torch.Tensor) -> None:
        self._kept[content] = features
        self._nbytes += features.nbytes
        while self._nbytes > self._capacity:
            _, oldest = self._kept.popitem(last=False)
            self._nbytes -= oldest.nbytes


def _content(view: View) -> Content:
    return blake2b(view.patches.tobytes(), digest_size=16).digest(), view.grid, view.merge

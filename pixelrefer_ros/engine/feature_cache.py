"""Encode once, ask often: the features of whole pictures, kept from one question to the next."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from pixelrefer_ros.engine.query import FrameStamp
from pixelrefer_ros.model.image_processor import View
from pixelrefer_ros.model.pixelrefer import EncodedViews, PixelRefer


@dataclass(frozen=True)
class FeatureCacheCounts:
    """What the feature cache has saved so far.

    hits, misses: views of whole, stamped pictures that needed no pass of the encoder, and that
        needed one.
    nbytes: memory held now, at most the cache's capacity.
    """

    hits: int = 0
    misses: int = 0
    nbytes: int = 0


@dataclass(frozen=True, eq=False)
class _Entry:
    """Features [rows, columns, C] and the patches they are of."""

    patches: NDArray[np.uint8]
    features: torch.Tensor

    @property
    def nbytes(self) -> int:
        return self.patches.nbytes + self.features.nbytes


class FeatureCache:
    """Keeps the features of views of whole pictures by camera, stamp and patch grid.

    They are given out only for the same patches again: a camera whose stamps start anew, or an
    array that was written to, is encoded anew. Bounded in bytes, patches and features together;
    the entry unused for longest leaves first; a capacity of 0 keeps nothing. Used by one thread,
    `counts` by any.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._entries: OrderedDict[Hashable, _Entry] = OrderedDict()
        self._hits = self._misses = self._nbytes = 0

    def change_capacity(self, capacity: int) -> None:
        """Keep so many bytes from the next picture on."""
        self._capacity = capacity

    @property
    def counts(self) -> FeatureCacheCounts:
        """What it has saved so far."""
        return FeatureCacheCounts(self._hits, self._misses, self._nbytes)

    def encode(
        self, model: PixelRefer, views: Sequence[View], stamps: Mapping[int, FrameStamp]
    ) -> EncodedViews:
        """Do what `model.encode_views` does, without a pass for what is kept.

        stamps: camera and stamp of pictures by the `id` of `View.source`; views of others, and
            those with a stamp of 0, which is none, are encoded each time. What a pass fails on,
            or finds numbers in that are not finite, is not kept.
        """
        self._make_fit()
        keys = {
            view.key: (stamps[id(view.source)], view.grid, view.merge)
            for view in views
            if self._capacity and id(view.source) in stamps and stamps[id(view.source)].stamp_ns
        }
        stamped = {view.key: view for view in views if view.key in keys}
        known = {
            view_key: features
            for view_key, view in stamped.items()
            if (features := self._find(keys[view_key], view)) is not None
        }
        encoded = model.encode_views(views, known)
        self._hits += len(known)
        self._misses += len(stamped) - len(known)
        for view_key, view in stamped.items():
            if view_key not in known:
                self._keep(keys[view_key], view, encoded[view])
        return encoded

    def clear(self) -> None:
        """Forget everything, to give its memory back."""
        self._entries.clear()
        self._nbytes = 0

    def _find(self, key: Hashable, view: View) -> torch.Tensor | None:
        entry = self._entries.get(key)
        if entry is None or not np.array_equal(entry.patches, view.patches):
            return None
        self._entries.move_to_end(key)
        return entry.features

    def _keep(self, key: Hashable, view: View, features: torch.Tensor) -> None:
        if not features.isfinite().all():
            return
        # A copy, because it is a part of what all views of the pass share.
        entry = _Entry(view.patches, features.clone())
        if key in self._entries:
            self._nbytes -= self._entries.pop(key).nbytes
        self._entries[key] = entry
        self._nbytes += entry.nbytes
        self._make_fit()

    def _make_fit(self) -> None:
        while self._nbytes > self._capacity:
            _, oldest = self._entries.popitem(last=False)
            self._nbytes -= oldest.nbytes

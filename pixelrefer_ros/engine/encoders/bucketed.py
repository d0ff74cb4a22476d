"""An exported vision encoder in place of the torch one: views into buckets, buckets through it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch

from pixelrefer_ros.engine.encoders.buckets import bucket_lengths, make_batches
from pixelrefer_ros.engine.encoders.graph_inputs import (
    GraphInputs,
    merge_features,
    packed_rotations,
    pad,
)
from pixelrefer_ros.model.image_processor import View, normalise, pack_patches
from pixelrefer_ros.model.pixelrefer import PixelRefer


class GraphRuntime(Protocol):
    """Something that runs the exported graph."""

    def max_batch(self, length: int) -> int:
        """Return how many views of `length` patches may go through together."""

    def run(self, inputs: GraphInputs) -> torch.Tensor:
        """Return features float32 [B, T, C] on the device of the inputs; raise `InferenceError`."""


class BucketedEncoder:
    """The `EncoderBackend` of every exported graph.

    Takes from the model what is not in the graph: normalisation, rotary frequencies, merging.
    """

    def __init__(self, model: PixelRefer, runtime: GraphRuntime) -> None:
        self._runtime = runtime
        self._encoder = model.vision_encoder
        self._processor = model.config.image_processor
        self._lengths = bucket_lengths(model.config)

    def encode(self, views: Sequence[View]) -> Sequence[torch.Tensor]:
        """Return the features of each view, [view.tokens, C], in the model's type, on its device.

        Raises `InferenceError`.
        """
        sizes = [len(view.patches) for view in views]
        batches = make_batches(sizes, self._lengths, self._runtime.max_batch)
        pixels = torch.split(self._pixels(views), sizes)
        rotations = torch.split(packed_rotations(views, self._encoder), sizes)
        features: dict[int, torch.Tensor] = {}
        for batch in batches:
            padded = pad(
                [pixels[k] for k in batch.members],
                [rotations[k] for k in batch.members],
                batch.length,
            )
            for k, rows in zip(batch.members, self._runtime.run(padded), strict=True):
                features[k] = rows[: sizes[k]]
        packed = torch.cat([features[k] for k in range(len(views))]).to(self._encoder.dtype)
        return torch.split(
            merge_features(packed, views, self._encoder), [view.tokens for view in views]
        )

    def _pixels(self, views: Sequence[View]) -> torch.Tensor:
        return normalise(pack_patches(views, self._encoder.device), self._processor)

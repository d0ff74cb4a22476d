"""What may compute the features of views in place of the torch vision encoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch

from pixelrefer_ros.model.image_processor import View


class EncoderBackend(Protocol):
    """A vision encoder; see `engine/encoders` for those there are."""

    def encode(self, views: Sequence[View]) -> Sequence[torch.Tensor]:
        """Return the features of each view, [view.tokens, C], in the model's type, on its device.

        views: at least one, all different. Raises `InferenceError`.
        """

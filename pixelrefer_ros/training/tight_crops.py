"""Crops of objects that end at their boxes."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pixelrefer_ros.model.compatibility import Compatibility
from pixelrefer_ros.model.configuration import PixelReferConfig


@dataclass(frozen=True)
class TightConfig(PixelReferConfig):
    """A configuration whose crops end at the box of the object."""

    @property
    def compatibility(self) -> Compatibility:
        """The choices `compat` stands for, without context."""
        return replace(super().compatibility, context_patches=0)

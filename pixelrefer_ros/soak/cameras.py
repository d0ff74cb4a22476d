"""The cameras of a soak."""

from __future__ import annotations

from typing import NamedTuple


class SoakCamera(NamedTuple):
    """A camera by its name in the node, and the size of its pictures, pixels."""

    name: str
    width: int
    height: int

    @property
    def topic(self) -> str:
        """Where it publishes."""
        return f"/soak/{self.name}"


RATE_HZ = 30.0
CAMERAS = (SoakCamera("front", 640, 480), SoakCamera("wide", 1920, 1080))

"""The questions that are timed: squares on painted pictures, the same for everyone who answers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pixelrefer_ros.engine.query import ArrayFrame, Image, Query
from pixelrefer_ros.errors import CommandError
from pixelrefer_ros.regions.reference import Region

PROMPT = "What is it?"
CAMERA = "bench"
BETWEEN_FRAMES_NS = 250_000_000
BETWEEN_QUERIES_NS = 3600 * 10**9
SHIFT = 8


@dataclass(frozen=True)
class Workload:
    """So many objects, each on so many frames of so many pixels, asked about one by one.

    regions: objects; each is a square of a fifth of the shorter side, the same on all frames.
    tokens: new tokens of each answer.
    """

    regions: int
    frames: int
    tokens: int
    width: int
    height: int

    def __post_init__(self) -> None:
        """Raise `CommandError` for more regions than the picture has room for."""
        if self.regions > self._across * self._down:
            raise CommandError(
                f"regions is {self.regions}, a picture of {self.image} has room for "
                f"{self._across * self._down}"
            )

    @property
    def image(self) -> str:
        """The size of the pictures, like 640x480."""
        return f"{self.width}x{self.height}"

    def query(self, number: int) -> Query:
        """Ask about pictures of that number; no other number has their stamps.

        So what an engine remembers of a frame is of no use to the next question.
        """
        return Query(
            frames=[
                ArrayFrame(
                    self._picture(number + k),
                    stamp_ns=number * BETWEEN_QUERIES_NS + k * BETWEEN_FRAMES_NS,
                    camera=CAMERA,
                )
                for k in range(self.frames)
            ],
            regions=[
                Region(box=box, frame=frame, object_id=f"object{k}")
                for k, box in enumerate(self._boxes())
                for frame in range(self.frames)
            ],
            prompt=PROMPT,
            max_new_tokens=self.tokens,
        )

    @property
    def _side(self) -> int:
        return min(self.width, self.height) // 5

    @property
    def _step(self) -> int:
        return self._side + self._side // 12

    @property
    def _across(self) -> int:
        return self.width // self._step

    @property
    def _down(self) -> int:
        return self.height // self._step

    def _boxes(self) -> list[tuple[int, int, int, int]]:
        return [
            (k % self._across * self._step, k // self._across * self._step, self._side, self._side)
            for k in range(self.regions)
        ]

    def _picture(self, number: int) -> Image:
        """Paint structure everywhere, moved on by a few pixels with each number."""
        rows, columns = np.mgrid[0 : self.height, 0 : self.width]
        columns = columns + SHIFT * number
        channels = [columns * 255 // self.width, rows * 255 // self.height, rows * columns]
        return np.stack([channel % 256 for channel in channels], axis=-1).astype(np.uint8)

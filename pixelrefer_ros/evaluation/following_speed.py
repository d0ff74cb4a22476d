"""How long following takes from one frame to the next, and whether its memory grows."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from tempfile import TemporaryDirectory

import cv2
import numpy as np
import torch

from pixelrefer_ros.errors import CommandError
from pixelrefer_ros.evaluation.peak_memory import PeakMemory
from pixelrefer_ros.regions.propagation import Propagator
from pixelrefer_ros.regions.reference import Image, Mask

WARM_UP = 1
SEED = 0


@dataclass(frozen=True)
class FollowingSpeed:
    """What `steps` steps from frame to frame took, each with all objects.

    propagator: its name; image: width x height of the frames; objects: followed together.
    start_s: of the frame pointed at. median_s, p95_s: of a step.
    peak_bytes: most memory during the steps, a model's weights included.
    growth_bytes: by which the peak of the second half of the steps lies above that of the first.
    seen: share of the objects and steps at which an object was not taken for lost.
    """

    propagator: str
    image: str
    objects: int
    steps: int
    start_s: float
    median_s: float
    p95_s: float
    peak_bytes: int
    growth_bytes: int
    seen: float


@dataclass(frozen=True)
class MovingSquares:
    """Textured squares on a textured table, side by side, that swing to and fro together.

    A square has a fifth of the shorter side. Raises `CommandError` for more than there is room for.
    """

    objects: int
    width: int
    height: int

    def __post_init__(self) -> None:
        """See whether there is room."""
        if self.objects > self._across * self._down:
            raise CommandError(
                f"regions is {self.objects}, a picture of {self.image} has room for "
                f"{self._across * self._down} that move"
            )

    @property
    def image(self) -> str:
        """The size of the pictures, like 640x480."""
        return f"{self.width}x{self.height}"

    def picture(self, number: int) -> Image:
        """Paint frame `number`, uint8 RGB [height, width, 3]."""
        picture = self._texture(self.height, self.width, 0, 130)
        for k, mask in enumerate(self.masks(number)):
            square = self._texture(self._side, self._side, k + 1, 60 + 130 * (k % 2))
            picture[mask] = square.reshape(-1, 3)
        return picture

    def masks(self, number: int) -> list[Mask]:
        """Return where the squares are on that frame, bool [height, width] each."""
        shift = round(self._side / 4 * (1 + np.sin(number / 3)))
        masks = []
        for k in range(self.objects):
            mask = np.zeros((self.height, self.width), np.bool_)
            left = k % self._across * self._stride + shift
            top = k // self._across * self._side
            mask[top : top + self._side, left : left + self._side] = True
            masks.append(mask)
        return masks

    @property
    def _side(self) -> int:
        return min(self.width, self.height) // 5

    @property
    def _stride(self) -> int:
        return 3 * self._side // 2

    @property
    def _across(self) -> int:
        return self.width // self._stride

    @property
    def _down(self) -> int:
        return self.height // self._side

    def _texture(self, height: int, width: int, seed: int, level: int) -> Image:
        cells = self._side // 8 + 1
        coarse = np.random.default_rng((SEED, seed)).normal(
            level, 30, (height // cells + 2, width // cells + 2, 3)
        )
        smooth = cv2.resize(coarse.astype(np.float32), (width, height))
        return np.clip(smooth, 0, 255).astype(np.uint8)


def measure_following(
    propagator: Propagator, name: str, scene: MovingSquares, *, steps: int, device: torch.device
) -> FollowingSpeed:
    """Follow all objects over `steps` frames, after one that does not count.

    Raises `CommandError` for fewer than 2 steps.
    """
    if steps < 2:
        raise CommandError(f"runs is {steps}, following is measured over at least 2 frames")
    memory = PeakMemory(device)
    picture, masks = scene.picture(0), scene.masks(0)
    begun = time.perf_counter()
    tracker = propagator.start(picture, masks)
    started = time.perf_counter() - begun
    times, peaks, seen = [], [], []
    for number in range(1, WARM_UP + steps + 1):
        picture = scene.picture(number)
        memory.restart()
        begun = time.perf_counter()
        found = tracker.step(picture)
        times.append(time.perf_counter() - begun)
        peaks.append(memory.bytes())
        seen += [one.mask is not None for one in found]
    times, peaks = times[WARM_UP:], peaks[WARM_UP:]
    half = steps // 2
    return FollowingSpeed(
        propagator=name,
        image=scene.image,
        objects=scene.objects,
        steps=steps,
        start_s=started,
        median_s=float(np.median(times)),
        p95_s=float(np.percentile(times, 95)),
        peak_bytes=max(peaks),
        growth_bytes=max(peaks[half:]) - max(peaks[:half]),
        seen=float(np.mean(seen)),
    )


@contextmanager
def sam2_of_random_weights() -> Iterator[str]:
    """Yield a folder with SAM 2 in the dimensions of its tiny form (Hiera-T, 39 million weights).

    The numbers are drawn, so masks are noise; time and memory are those of real weights.
    """
    from transformers import Sam2VideoConfig, Sam2VideoModel

    torch.manual_seed(SEED)
    with TemporaryDirectory() as folder:
        Sam2VideoModel(Sam2VideoConfig()).save_pretrained(folder)
        yield folder

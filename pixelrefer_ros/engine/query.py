"""What goes into the engine and what comes out of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from pixelrefer_ros.errors import InvalidRegionError
from pixelrefer_ros.regions.reference import Region

Image = NDArray[np.uint8]


class Frame(Protocol):
    """One picture of a camera. `pixelrefer_ros.streams.frame.Frame` is one; it decodes lazily."""

    @property
    def camera(self) -> str:
        """Name of the camera, may be empty."""

    @property
    def stamp_ns(self) -> int:
        """Time of exposure, nanoseconds."""

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels, known without decoding."""

    def rgb(self) -> Image:
        """Return the pixels, uint8 RGB [height, width, 3]."""


@dataclass(frozen=True, eq=False)
class ArrayFrame:
    """A picture that is already an array, uint8 RGB [height, width, 3].

    Raises `ValueError` for any other type or shape.
    """

    image: Image
    stamp_ns: int = 0
    camera: str = ""

    def __post_init__(self) -> None:
        if self.image.dtype != np.uint8 or self.image.ndim != 3 or self.image.shape[2] != 3:
            raise ValueError(
                f"image has dtype {self.image.dtype} and shape {self.image.shape}, "
                "expected uint8 [height, width, 3] in RGB order"
            )

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.image.shape[0], self.image.shape[1]

    def rgb(self) -> Image:
        """Return the array itself."""
        return self.image


def as_frames(frames: Frame | Image | Sequence[Frame | Image]) -> list[Frame]:
    """Make frames of what may be one or several, arrays or frames already."""
    several = list(frames) if isinstance(frames, Sequence) else [frames]
    return [ArrayFrame(frame) if isinstance(frame, np.ndarray) else frame for frame in several]


@dataclass(frozen=True)
class Sampling:
    """How the next token is chosen. A temperature of 0 is greedy decoding.

    Otherwise tokens are drawn at `temperature` from the smallest set whose probability reaches
    `top_p`; the official demo uses 0.2 and 0.9. `seed` makes a draw repeatable.
    """

    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.temperature < 0.0:
            raise ValueError(f"temperature is {self.temperature}, must be at least 0")
        if not 0.0 < self.top_p <= 1.0:
            raise ValueError(f"top_p is {self.top_p}, must be above 0 and at most 1")


@dataclass(frozen=True)
class Query:
    """Regions on frames, and what to say about them.

    `prompt` with one `<region>` per object asks one joint question; without any, it is asked of
    each object by itself; an empty prompt asks for a detailed description of each. Regions with
    the same non-empty `object_id` on several frames are the same object over time.
    """

    frames: Sequence[Frame]
    regions: Sequence[Region]
    prompt: str = ""
    max_new_tokens: int | None = None
    sampling: Sampling = field(default_factory=Sampling)

    def frame_size(self, index: int) -> tuple[int, int]:
        """Return height and width of the frame region `index` is on, or `InvalidRegionError`."""
        frame = self.regions[index].frame
        if not 0 <= frame < len(self.frames):
            raise InvalidRegionError(
                f"regions[{index}].frame is {frame}, the query has {len(self.frames)} frames"
            )
        return self.frames[frame].size


@dataclass(frozen=True)
class Timing:
    """Where the time of one request went, in seconds of the monotonic clock.

    A batch is worked on together, so the stages of requests answered in one batch overlap: the
    split says how long this request spent in each stage, not what it would cost alone.
    """

    queue_s: float
    preprocess_s: float
    encode_s: float
    infuse_s: float
    prefill_s: float
    decode_s: float

    @property
    def generate_s(self) -> float:
        """Prefill and decoding together."""
        return self.prefill_s + self.decode_s


class FrameStamp(NamedTuple):
    """Names a frame: its camera and its stamp in nanoseconds."""

    camera: str
    stamp_ns: int


@dataclass(frozen=True)
class Answer:
    """Words about one object, or about several when the question was a joint one.

    `confidence` is the mean probability of the generated tokens, the end token included, under
    the model's own distribution (temperature 1). `truncated` means the limit of new tokens was
    reached before the model ended the answer.
    """

    object_ids: tuple[str, ...]
    text: str
    confidence: float
    truncated: bool
    generated_tokens: int
    frames: tuple[FrameStamp, ...]
    model_id: str
    timing: Timing

"""How long one call of a describer takes, and which stage takes how much of it.

Timed is `Describer.describe` as everybody calls it, from the call to the answers in hand: masks,
the way through the queue, cutting out and scaling, the vision encoder, SAOT and OCI, and exactly
`NEW_TOKENS` words for each region, whatever the model would have liked to say.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from pixelrefer_ros.engine.describer import Describer
from pixelrefer_ros.engine.query import Image, Timing
from pixelrefer_ros.regions.reference import Region

NEW_TOKENS = 8
PROMPT = "What is it?"
WARM_UP = 3

HEIGHT, WIDTH = 480, 640
SIDE = 96
MOST_REGIONS = 24


@dataclass(frozen=True)
class CallSpeed:
    """Seconds of a call about `regions` regions, over `runs` calls.

    stages: the median of each stage, as `Timing` tells them.
    """

    regions: int
    runs: int
    median_s: float
    p95_s: float
    stages: dict[str, float]


def measure_call(describer: Describer, *, regions: int, runs: int) -> CallSpeed:
    """Time calls about `regions` regions of a picture, after a few calls that do not count.

    regions: at most `MOST_REGIONS`, and no more than the describer takes.
    """
    picture, boxes = make_picture(), make_regions(regions)
    seconds: list[float] = []
    timings: list[Timing] = []
    with _speaking_on(describer):
        for _ in range(WARM_UP + runs):
            started = time.perf_counter()
            answers = describer.describe(picture, boxes, PROMPT, max_new_tokens=NEW_TOKENS)
            seconds.append(time.perf_counter() - started)
            timings.append(answers[0].timing)
    return CallSpeed(
        regions=regions,
        runs=runs,
        median_s=float(np.median(seconds[WARM_UP:])),
        p95_s=float(np.percentile(seconds[WARM_UP:], 95)),
        stages=_stages(timings[WARM_UP:]),
    )


def make_picture() -> Image:
    """Paint a picture with structure everywhere, uint8 RGB [480, 640, 3], always the same."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    channels = [columns * 255 // WIDTH, rows * 255 // HEIGHT, (rows * columns) % 256]
    return np.stack(channels, axis=-1).astype(np.uint8)


def make_regions(count: int) -> list[Region]:
    """Point at squares of 96 pixels, each elsewhere; at most `MOST_REGIONS`."""
    across = WIDTH // (SIDE + 8)
    return [
        Region(box=(8 + k % across * (SIDE + 8), 8 + k // across * (SIDE + 8), SIDE, SIDE))
        for k in range(count)
    ]


@contextmanager
def _speaking_on(describer: Describer) -> Iterator[None]:
    """Let no token end an answer meanwhile."""
    model = describer.model
    ends, model.eos_token_ids = model.eos_token_ids, frozenset()
    try:
        yield
    finally:
        model.eos_token_ids = ends


def _stages(timings: Sequence[Timing]) -> dict[str, float]:
    stages = {
        "queue": [timing.queue_s for timing in timings],
        "prepare": [timing.preprocess_s for timing in timings],
        "encode": [timing.encode_s for timing in timings],
        "infuse": [timing.infuse_s for timing in timings],
        "prefill": [timing.prefill_s for timing in timings],
        "decode": [timing.decode_s for timing in timings],
    }
    return {f"{name}_s": float(np.median(values)) for name, values in stages.items()}

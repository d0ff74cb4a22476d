"""Ask a thousand questions of all sizes in a process of its own, and look at what it holds.

Three things fill on purpose, each to a limit: the cache of features and the places for the longest
answers, within the 200 requests before the first look; the window of measurements, with 1024
requests; and what oneDNN compiles for each new shape of a matrix, of which 1024 stay, some 5 MB.
The last would hide a leak, and is turned off here.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

SCRIPT = """
import ctypes, gc, resource
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from pixelrefer_ros.engine.describer import Describer
from pixelrefer_ros.engine.query import ArrayFrame, Query
from pixelrefer_ros.model.pixelrefer import PixelRefer
from pixelrefer_ros.model.random_model import SENTENCES, train_tokenizer
from pixelrefer_ros.model.small import small_config
from pixelrefer_ros.regions.reference import Region

torch.set_num_threads(1)
tokenizer = train_tokenizer(SENTENCES, 400)
config = small_config(
    vision_width=16, vision_layers=1, vision_heads=2,
    language_width=16, language_layers=1, language_heads=2, language_key_heads=1,
    region_tokens=4, vocabulary=tokenizer.get_vocab_size(),
)
config = replace(config, local_view_patches=4, global_view_patches=6)
model = PixelRefer.with_random_weights(config, tokenizer, "small")
model.eos_token_ids = frozenset()

QUEUE = 8
random = np.random.default_rng(0)
FRAMES = [
    ArrayFrame(random.integers(0, 256, (*size, 3), np.uint8), stamp_ns=stamp, camera=camera)
    for camera, size in (("near", (48, 64)), ("wide", (60, 200)), ("far", (240, 320)))
    for stamp in range(4)
]

def question():
    frames = list(random.permutation(FRAMES)[: random.integers(1, 3)])
    regions = []
    for k in range(random.integers(1, 4)):
        for frame in range(random.integers(1, len(frames) + 1)):
            height, width = frames[frame].size
            x, y = random.integers(0, width - 20), random.integers(0, height - 20)
            box = (int(x), int(y), int(random.integers(4, 20)), int(random.integers(4, 20)))
            regions.append(Region(box=box, frame=frame, object_id=str(k)))
    prompt = "x " * int(random.integers(1, 30))
    return Query(frames, regions, prompt, max_new_tokens=int(random.integers(1, 4)))

def answer(requests):
    for _ in range(requests // QUEUE):
        for future in [describer.submit(question()) for _ in range(QUEUE)]:
            future.result()

def held():
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # what is free is not held
    tensors = sum(issubclass(type(thing), torch.Tensor) for thing in gc.get_objects())
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return tensors, pages * resource.getpagesize()

with Describer(model, queue_size=QUEUE) as describer:
    answer(200)
    before = held()
    answer(1000)
    after = held()
print(after[0] - before[0], after[1] - before[1])
"""


MEASURED_BYTES = 500
"""What the window of measurements holds of a request."""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc, needs glibc")
def test_a_thousand_requests_of_mixed_sizes_leave_nothing_behind():
    # Blocks of the size of a picture go back to the system at once, so what stays is held.
    settings = {
        **os.environ,
        "MALLOC_MMAP_THRESHOLD_": "65536",
        "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "0",
    }
    output = subprocess.check_output([sys.executable, "-c", SCRIPT], text=True, env=settings)
    tensors, grown = map(int, output.split())
    assert tensors <= 0
    # The smallest mask has 3072 bytes; a thousand of them would be noticed.
    assert grown < 3 * 1000 * MEASURED_BYTES

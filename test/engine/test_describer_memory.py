"""Ask a thousand questions of all sizes in a process of its own, and look at what it holds.

Counted are the bytes in use, not the pages of the process: those grow by several MB more, for
allocators keep pages with gaps. Two things fill on purpose: the cache of features, within the 200
requests before the first look, and the window of measurements, with 1024 requests. A third is
turned off, what oneDNN keeps of the last 1024 shapes of matrices: it would hide small leaks.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys

import pytest

SCRIPT = """
import ctypes, gc, time
from dataclasses import replace

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

class Usage(ctypes.Structure):  # struct mallinfo2
    _fields_ = [(name, ctypes.c_size_t) for name in (
        "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks",
        "fordblks", "keepcost",
    )]

look = ctypes.CDLL(None).mallinfo2
look.restype = Usage

def held():
    tensors = sum(issubclass(type(thing), torch.Tensor) for thing in gc.get_objects())
    usage = look()
    return tensors, usage.uordblks + usage.hblkhd

with Describer(model, queue_size=QUEUE) as describer:
    answer(200)
    gc.collect()
    gc.disable()  # nothing may need to be searched for
    before = held()
    answer(1000)
    for _ in range(100):  # the worker puts its tools away after the last answer
        after = held()
        if after[0] <= before[0]:
            break
        time.sleep(0.1)
print(after[0] - before[0], after[1] - before[1])
"""


BYTES_A_REQUEST = 1000
"""The window of measurements holds about half of that; the smallest mask has 3072 bytes."""


@pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "mallinfo2"), reason="needs glibc 2.33 to count bytes"
)
def test_a_thousand_requests_of_mixed_sizes_leave_nothing_behind():
    settings = {
        **os.environ,
        # All bytes, those of Python and of the worker's thread too, where mallinfo2 counts them.
        "PYTHONMALLOC": "malloc",
        "MALLOC_ARENA_MAX": "1",
        "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "0",
    }
    output = subprocess.check_output([sys.executable, "-c", SCRIPT], text=True, env=settings)
    tensors, grown = map(int, output.split())
    assert tensors <= 0
    assert grown < 1000 * BYTES_A_REQUEST

"""Fill and replace a buffer of images of two sizes, as two cameras do, and look at the process."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
from pixelrefer_ros.ros.memory import resident_bytes, return_large_blocks
return_large_blocks()
held, small = [], []
before = resident_bytes()
for k in range(400):
    held.append(bytearray(900_000 if k % 2 else 6_000_000))
    small.append(bytearray(5_000))
    held = held[-20:]
held = None
print(resident_bytes() - before)
"""

HOLDING = """
from pixelrefer_ros.ros.memory import resident_bytes
before = resident_bytes()
held = bytearray(b"x" * 50_000_000)
print(resident_bytes() - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_freed_images_leave_the_process():
    output = subprocess.check_output([sys.executable, "-c", SCRIPT], text=True)
    assert int(output) < 10_000_000


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_memory_in_use_is_resident():
    output = subprocess.check_output([sys.executable, "-c", HOLDING], text=True)
    assert 40_000_000 < int(output) < 120_000_000

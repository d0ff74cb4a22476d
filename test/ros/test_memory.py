"""Fill and replace a buffer of images of two sizes, as two cameras do, and look at the process."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import resource
from pathlib import Path
from pixelrefer_ros.ros.memory import return_large_blocks
return_large_blocks()
pages = lambda: int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
held, small = [], []
before = pages()
for k in range(400):
    held.append(bytearray(900_000 if k % 2 else 6_000_000))
    small.append(bytearray(5_000))
    held = held[-20:]
held = None
print(pages() - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_freed_images_leave_the_process():
    output = subprocess.check_output([sys.executable, "-c", SCRIPT], text=True)
    assert int(output) < 10_000_000

from __future__ import annotations

import subprocess
import sys

import pytest

from pixelrefer_ros.engine import freed_memory
from pixelrefer_ros.engine.freed_memory import return_freed_memory

KEPT = """
import torch
from pixelrefer_ros.engine.freed_memory import return_freed_memory
def megabytes():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 / 1e6
torch.ones(7_000_000)  # from the end of which on glibc keeps such blocks
blocks = [torch.ones(5_000_000) for _ in range(20)]
del blocks[::2]
before = megabytes()
return_freed_memory()
print(before - megabytes())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="of glibc")
def test_freed_blocks_between_others_go_back():
    done = subprocess.run([sys.executable, "-c", KEPT], capture_output=True, text=True, check=True)
    assert float(done.stdout) > 50


def test_another_c_library_is_left_alone(monkeypatch):
    monkeypatch.setattr(freed_memory.ctypes, "CDLL", lambda name: object())
    return_freed_memory()

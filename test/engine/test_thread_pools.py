from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

from pixelrefer_ros.engine.thread_pools import compute_apart

COUNT_THREADS = """
import os
import time
import torch
from pixelrefer_ros.engine.describer import Describer
from pixelrefer_ros.engine.thread_pools import compute_apart
from pixelrefer_ros.resources import find_model

def count():
    time.sleep(0.3)  # the threads of a pool end a little after the one it belonged to
    return len(os.listdir("/proc/self/task"))

def multiply():
    torch.mm(torch.ones(512, 512), torch.ones(512, 512))

torch.set_num_threads(2)  # which starts a thread that has no part in this
before = count()
compute_apart(multiply)
print(count() - before)
with Describer.from_pretrained(find_model()):
    print(count() - before)
multiply()
print(count() - before)
"""


def test_work_is_done_in_a_thread_that_has_ended():
    thread = compute_apart(threading.current_thread)
    assert thread is not threading.current_thread()
    assert not thread.is_alive()


def test_an_error_is_raised_where_the_work_was_wanted():
    def fail() -> None:
        raise ValueError("no such folder")

    with pytest.raises(ValueError, match="no such folder"):
        compute_apart(fail)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="threads are counted in /proc")
def test_no_pool_stays_behind_and_loading_leaves_none():
    found = subprocess.run(
        [sys.executable, "-c", COUNT_THREADS],
        env={**os.environ, "OMP_NUM_THREADS": "2"},
        capture_output=True,
        text=True,
        check=True,
    )
    apart, loaded, here = map(int, found.stdout.split())
    assert apart == 0
    assert loaded == 1  # the worker, which has computed nothing yet
    assert here == 1  # what computes in a thread that lives on leaves one behind

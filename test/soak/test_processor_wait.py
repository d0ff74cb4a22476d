"""How long threads wait for a processor, seen from outside."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree

import pytest

from pixelrefer_ros.resources import find_config
from pixelrefer_ros.soak.processor_wait import SEGMENT_BYTES, STARVED, ProcessorWait

BUSY = """
import threading
from pathlib import Path

def compute(name):
    Path(f"/proc/self/task/{threading.get_native_id()}/comm").write_text(name)
    print("busy", flush=True)
    while True:
        pass

threading.Thread(target=compute, args=["NAME"], daemon=True).start()
input()
"""


def wait_of(name: str) -> ProcessorWait:
    """Let two processes compute on one processor, with a thread of that name; look at one."""
    cpu = min(os.sched_getaffinity(0))
    running = [
        subprocess.Popen(
            [sys.executable, "-c", BUSY.replace("NAME", name)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            preexec_fn=lambda: os.sched_setaffinity(0, {cpu}),
        )
        for _ in range(2)
    ]
    try:
        for process in running:
            assert process.stdout is not None
            process.stdout.readline()
        wait = ProcessorWait(running[0].pid)
        time.sleep(1.5)
        wait.sample()
        return wait
    finally:
        for process in running:
            process.kill()
            process.communicate()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_only_threads_that_take_frames_count():
    for _ in range(3):  # a pause of the whole computer is no waiting
        taking = wait_of("dds.shm.7411")
        if 0.3 < taking.longest <= 1.0:
            break
    assert 0.3 < taking.longest <= 1.0
    assert taking.starved_s >= 1.5
    other = wait_of("python")
    assert other.longest == other.starved_s == 0.0


def test_a_process_that_ended_has_not_waited():
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    wait = ProcessorWait(ended.pid)
    wait.sample()
    assert wait.longest == 0.0


def test_the_limit_follows_from_the_shared_memory_of_the_profile():
    profile = ElementTree.parse(find_config("fastdds.xml"))
    [size] = [element.text for element in profile.iter() if element.tag.endswith("segment_size")]
    assert int(size) == SEGMENT_BYTES
    assert 5 / 30 < STARVED < 6 / 30

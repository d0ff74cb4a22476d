"""Start the processes, let them run, count."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from pixelrefer_ros.demo.child_process import ChildProcess, python_module
from pixelrefer_ros.demo.interview import Interview
from pixelrefer_ros.demo.surroundings import end_on_signals, stay_alone
from pixelrefer_ros.errors import CommandError
from pixelrefer_ros.resources import find_model
from pixelrefer_ros.ros.client import DescribeRegionClient
from pixelrefer_ros.ros.frame_counts import FrameCounts
from pixelrefer_ros.ros.result_count import ResultCount
from pixelrefer_ros.soak.cameras import CAMERAS, RATE_HZ, SoakCamera
from pixelrefer_ros.soak.figures import ClientCounts, Figures, FrameCount, Usage, sum_up
from pixelrefer_ros.soak.processor_wait import ProcessorWait

LOADING_S = 600.0
"""Longest wait for the node to load its model."""

WARM_UP_RESULTS = 10
"""Of each client: until the buffers are full and every kind of question was asked."""
WARM_UP_S = 120.0
"""Longest wait for them."""

ENDING_S = 60.0
"""Longest wait for a client's last answers."""

SAMPLING_S = 1.0
SAMPLES = 5
"""Moments the least of which is taken for memory and descriptors, which breathe."""

NODE_PARAMETERS = {
    "camera_names": f"[{', '.join(camera.name for camera in CAMERAS)}]",
    **{f"cameras.{camera.name}.topic": camera.topic for camera in CAMERAS},
    "buffer.seconds": "2.0",
    "request.max_frame_age": "3600.0",
}


def run_soak(*, minutes: float, clients: int, model: str, out: Path) -> Figures:
    """Run node, cameras and clients for `minutes` after a warm-up; logs go to `out`.

    Raises `CommandError` when a process ends before it should.
    """
    model = find_model(model)
    out.mkdir(parents=True, exist_ok=True)
    parameters = {"model.path": model, **NODE_PARAMETERS}
    settings = [part for name, value in parameters.items() for part in ("-p", f"{name}:={value}")]
    run_node = python_module(["pixelrefer_ros.cli", "node", *settings])
    with stay_alone(), end_on_signals(), ExitStack() as running:
        node = running.enter_context(ChildProcess("the node", run_node, out / "node.log"))
        listener = running.enter_context(DescribeRegionClient())
        counts = FrameCounts(listener.node)
        results = ResultCount(listener.node)
        Interview(listener, node.check_running).wait_until_ready(LOADING_S)
        cameras = [_start_camera(running, camera, out) for camera in CAMERAS]
        processor = ProcessorWait(node.pid)
        while len(counts.received) < len(CAMERAS) or not all(counts.received.values()):
            _wait(SAMPLING_S, [node, *cameras], processor)
        planners = [_start_client(running, number, out) for number in range(clients)]
        everybody = [node, *cameras, *planners]
        longest = time.monotonic() + WARM_UP_S
        while results.heard < WARM_UP_RESULTS * clients and time.monotonic() < longest:
            _wait(SAMPLING_S, everybody, processor)
        start = _measure(node, processor)
        half_s = max(0.0, 30.0 * minutes - 1.5 * SAMPLES * SAMPLING_S)
        _wait(half_s, everybody, processor)
        middle = _measure(node, processor)
        _wait(half_s, everybody, processor)
        end = _measure(node, processor)
        sent = []
        for camera in cameras:
            sent.append(_end(camera))
            processor.sample()
        answers = [ClientCounts(**_end(planner)) for planner in planners]
        if not counts.wait(messages=2, timeout_s=10.0):
            raise CommandError("the node says nothing on /diagnostics any more")
        node.check_running()
    return sum_up(
        minutes,
        {
            camera.name: FrameCount(count, counts.received.get(camera.name, 0))
            for camera, count in zip(CAMERAS, sent, strict=True)
        },
        answers,
        results.heard,
        start,
        middle,
        end,
        processor.longest,
        processor.starved_s,
    )


def _start_camera(running: ExitStack, camera: SoakCamera, out: Path) -> ChildProcess:
    size = f"{camera.width}x{camera.height}"
    publish = ["pixelrefer_ros.ros.pattern_camera", "--topic", camera.topic, "--size", size]
    command = python_module([*publish, "--rate", str(RATE_HZ)])
    log = out / f"camera_{camera.name}.log"
    return running.enter_context(ChildProcess(f"camera {camera.name}", command, log))


def _start_client(running: ExitStack, number: int, out: Path) -> ChildProcess:
    cameras = [camera.name for camera in CAMERAS]
    command = python_module(["pixelrefer_ros.ros.soak_client", str(number), *cameras])
    log = out / f"client_{number}.log"
    return running.enter_context(ChildProcess(f"client {number}", command, log))


def _wait(seconds: float, processes: Sequence[ChildProcess], processor: ProcessorWait) -> None:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        for process in processes:
            process.check_running()
        time.sleep(min(left, SAMPLING_S))
        processor.sample()


def _measure(node: ChildProcess, processor: ProcessorWait) -> Usage:
    """Look at the process a few times and return what it holds at least."""
    folder = Path("/proc") / str(node.pid)
    memory, descriptors = [], []
    for _ in range(SAMPLES):
        resident_pages = int((folder / "statm").read_text().split()[1])
        memory.append(resident_pages * os.sysconf("SC_PAGE_SIZE"))
        descriptors.append(len(list((folder / "fd").iterdir())))
        time.sleep(SAMPLING_S)
        processor.sample()
    return Usage(min(memory), min(descriptors))


def _end(process: ChildProcess) -> Any:
    """Let a process end and return what it counted: the last line it said, as JSON."""
    process.end(ENDING_S)
    said = process.log.read_text(encoding="utf-8", errors="replace").strip()
    try:
        return json.loads(said.splitlines()[-1])
    except (IndexError, ValueError) as error:
        raise CommandError(
            f"{process.name} did not tell what it counted within {ENDING_S:.0f} s of being told to "
            "end; a client that still waits has a request that was not answered. It said: "
            + (said or "nothing")
        ) from error

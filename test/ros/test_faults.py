"""What goes wrong around the node: clients die, cameras change, time jumps or stands still."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import rclpy
from polling import wait_until
from rosgraph_msgs.msg import Clock

from pixelrefer_ros.msg import RegionQuery, RegionResult
from pixelrefer_ros.ros.client import box_reference
from pixelrefer_ros.ros.conversions import to_nanoseconds, to_time
from pixelrefer_ros.streams.bag_writer import write_bag
from pixelrefer_ros.streams.frame import Frame
from pixelrefer_ros.streams.image_codec import from_rgb

BOX = (40, 30, 40, 30)
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def node(module_processes, endless_model_path):
    return module_processes.node(
        model__path=endless_model_path,
        request__max_new_tokens=4,
        buffer__seconds=3600.0,
        request__max_batch=2,
    ).start()


@pytest.fixture(autouse=True)
def empty_buffer(node):
    """Let each test begin with a node that has seen nothing."""
    change(node, "deactivate", "activate")


def ask(node, stamp_ns: int = 0, box: tuple[int, int, int, int] = BOX) -> RegionResult:
    query = RegionQuery(regions=[box_reference(*box, stamp=to_time(stamp_ns))])
    query.max_frame_age.sec = 2**31 - 1
    return node.client.describe_async(query).result(30)


def change(node, *transitions: str) -> None:
    for transition in transitions:
        assert node.change(transition), node.log()


def held(node) -> dict[str, int]:
    """Count the threads and file descriptors of the node."""
    folder = Path("/proc") / str(node.process.pid)
    return {kind: len(os.listdir(folder / kind)) for kind in ("task", "fd")}


def most_held(node) -> dict[str, int]:
    """Count for a while: some threads come and go."""
    counts = []
    for _ in range(20):
        counts.append(held(node))
        time.sleep(0.1)
    return {kind: max(count[kind] for count in counts) for kind in counts[0]}


def wait_until_no_more_is_held(node, before: dict[str, int]) -> None:
    """DDS keeps a thread for a client that was killed until it takes it for gone, after 20 s."""
    wait_until(
        lambda: all(count <= before[kind] for kind, count in held(node).items()), timeout_s=90.0
    )


def newest_width(node) -> int:
    result = ask(node, box=(0, 0, 2, 2))
    if result.error_code:
        return 0
    # A box as wide as the frame is refused by any narrower one.
    widths = (80, 160, 320)
    fits = [not ask(node, box=(0, 0, width, 60)).error_code for width in widths]
    return max((width for width, fit in zip(widths, fits, strict=True) if fit), default=0)


KILLED = {
    "call": "client.describe(box, max_new_tokens=20_000)",
    "goal": "list(client.describe_streaming(box, max_new_tokens=20_000))",
}


@pytest.mark.parametrize("kind", KILLED)
def test_a_client_killed_in_the_middle_leaves_nothing_behind(node, processes, kind):
    processes.camera("--rate", "5")
    node.wait_for_frames(1)
    assert ask(node).error_code == RegionResult.NONE
    script = f"""
from pixelrefer_ros.ros.client import DescribeRegionClient, box_reference
box = box_reference{BOX}
with DescribeRegionClient() as client:
    client.wait_for_node(60)
    client.describe(box)
    print("asking", flush=True)
    {KILLED[kind]}
    print("answered", flush=True)
"""
    before = most_held(node)
    client = subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert client.stdout is not None
    assert client.stdout.readline() == "asking\n"
    time.sleep(0.5)
    client.kill()
    assert client.communicate()[0] == "", "answered before it was killed"
    assert ask(node).error_code == RegionResult.NONE
    wait_until_no_more_is_held(node, before)


def test_a_camera_that_comes_back_as_another_is_followed(node, processes):
    """Killed and started again with other size, encoding, reliability; compressed at last.

    Compressed images are of another type: the parameter must say so.
    """
    first = processes.camera("--size", "160x120")
    node.wait_for_frames(2)
    assert newest_width(node) == 160
    first.process.kill()
    first.process.wait()
    second = processes.camera("--size", "320x240", "--encoding", "bgr8", "--reliable")
    wait_until(lambda: newest_width(node) == 320)
    second.process.kill()
    second.process.wait()
    third = processes.camera("--size", "80x60")
    wait_until(lambda: newest_width(node) == 80)
    third.process.kill()
    third.process.wait()
    processes.camera("--size", "160x120", "--compressed")
    try:
        change(node, "deactivate")
        node.set(cameras__camera__transport="compressed")
        change(node, "activate")
        wait_until(lambda: newest_width(node) == 160)
    finally:
        change(node, "deactivate")
        node.set(cameras__camera__transport="raw")
        change(node, "activate")


def test_stamps_that_go_back_begin_anew(node, processes):
    first = processes.camera("--start", "2000.0")
    node.wait_for_frames(3)
    assert first.stop() > 0
    processes.camera("--start", "1000.0")
    wait_until(
        lambda: (
            all(header.stamp.sec < 2000 for header in node.client.list_frames())
            and len(node.client.list_frames()) > 2
        )
    )
    assert ask(node).regions[0].header.stamp.sec < 2000
    evicted = ask(node, 2000 * 10**9)
    assert evicted.error_code == RegionResult.FRAME_EVICTED
    stamp = to_nanoseconds(node.client.list_frames()[-1].stamp)
    assert ask(node, stamp).error_code == RegionResult.NONE


def test_a_bag_that_loops_is_answered_in_every_round(node, tmp_path):
    # Killed cameras stay in the graph for a while, and count when reliability is chosen.
    wait_until(lambda: not node.client.node.get_publishers_info_by_topic("/camera/image_raw"), 90)
    stamps = [10**18 + n * 50_000_000 for n in range(20)]
    pixels = np.random.default_rng(0).integers(0, 255, (120, 160, 3), np.uint8)
    frames = [Frame("", stamp, "camera", from_rgb(pixels)) for stamp in stamps]
    write_bag(tmp_path / "bag", (("/camera/image_raw", frame) for frame in frames))
    for _ in range(2):
        played = subprocess.run(
            [sys.executable, "-m", "pixelrefer_ros.ros.bag_player", str(tmp_path / "bag")],
            cwd=ROOT, timeout=300, check=False,
        )  # fmt: skip
        assert played.returncode == 0
        wait_until(lambda: node.stamps_ns() == stamps)
        for stamp in (stamps[0], stamps[-1]):
            assert ask(node, stamp).error_code == RegionResult.NONE


def test_a_clock_that_stands_still_stops_nobody(processes, node, endless_model_path):
    """Deadlines and reports go by real time; only the age of frames goes by /clock."""
    node.set(use_sim_time=True)
    context = rclpy.Context()
    rclpy.init(context=context)
    simulator = rclpy.create_node("simulator", context=context)
    publisher = simulator.create_publisher(Clock, "/clock", 10)
    running = threading.Event()

    def tick() -> None:
        for second in range(1000, 1003):
            publisher.publish(Clock(clock=to_time(second * 10**9)))
            time.sleep(0.2)
        running.set()

    threading.Thread(target=tick).start()
    processes.camera("--start", "1000.0")
    node.wait_for_frames(3)
    assert running.wait(30)
    for _ in range(2):
        assert ask(node).error_code == RegionResult.NONE
        query = RegionQuery(regions=[box_reference(*BOX)], max_new_tokens=20_000)
        query.timeout.nanosec = 300_000_000
        started = time.monotonic()
        assert node.client.describe_async(query).result(30).error_code == RegionResult.TIMEOUT
        assert time.monotonic() - started < 25.0
    with node.client.describe_streaming(box_reference(*BOX), max_new_tokens=20_000) as stream:
        next(feedback for feedback in stream if feedback.delta)
    assert stream.result().error_code == RegionResult.CANCELED
    node.set(use_sim_time=False)
    simulator.destroy_node()
    context.try_shutdown()


ROUND = ("deactivate", "cleanup", "configure", "activate", "deactivate", "activate")


def test_many_rounds_of_the_lifecycle_under_traffic(node, processes):
    """Every call is answered, with words or with the reason why not, and nothing piles up."""
    processes.camera("--rate", "30")
    node.wait_for_frames(2)
    codes: list[int] = []
    stop = threading.Event()

    def keep_asking(streaming: bool) -> None:
        while not stop.is_set():
            if streaming:
                result = node.client.describe_streaming(box_reference(*BOX)).result()
            else:
                result = node.client.describe(box_reference(*BOX))
            codes.append(result.error_code)
            time.sleep(0.01)

    planners = [threading.Thread(target=keep_asking, args=(k == 0,)) for k in range(3)]
    for planner in planners:
        planner.start()
    try:
        change(node, *ROUND)
        node.wait_for_frames(1)
        assert ask(node).error_code == RegionResult.NONE
        before = most_held(node)
        for _ in range(20):
            change(node, "deactivate", "activate")
            time.sleep(0.1)
        for _ in range(6):
            change(node, *ROUND)
            time.sleep(0.1)
        node.wait_for_frames(1)
    finally:
        stop.set()
        for planner in planners:
            planner.join(60)
    assert not any(planner.is_alive() for planner in planners), "a call was never answered"
    assert (
        {RegionResult.NONE, RegionResult.NOT_ACTIVE}
        <= set(codes)
        <= {
            RegionResult.NONE,
            RegionResult.NOT_ACTIVE,
            RegionResult.CANCELED,
            RegionResult.NO_FRAME,
        }
    )
    assert ask(node).error_code == RegionResult.NONE
    wait_until_no_more_is_held(node, before)
    assert "Traceback" not in node.log()

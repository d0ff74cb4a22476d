"""The bag player in a process of its own, heard by a subscriber in this one."""

from __future__ import annotations

import math
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CompressedImage, Image

from pixelrefer_ros.ros.conversions import to_nanoseconds
from pixelrefer_ros.streams.bag_reader import BagReader
from pixelrefer_ros.streams.bag_writer import write_bag
from pixelrefer_ros.streams.frame import Frame
from pixelrefer_ros.streams.image_codec import encode_jpeg, from_rgb

PERIOD_NS = 50_000_000
COUNT = 20
START_NS = 1_700_000_000_000_000_000


@pytest.fixture(scope="module")
def bag(tmp_path_factory):
    path = tmp_path_factory.mktemp("player") / "bag"
    pixels = np.random.default_rng(0).integers(0, 255, (480, 640, 3), np.uint8)
    images = {"/image": from_rgb(pixels), "/image/compressed": encode_jpeg(pixels)}
    write_bag(
        path,
        (
            (topic, Frame("", START_NS + n * PERIOD_NS, "camera", image))
            for n in range(COUNT)
            for topic, image in images.items()
        ),
    )
    return path


def player(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "pixelrefer_ros.ros.bag_player", *arguments]


@pytest.mark.parametrize(
    ("topic", "message_type", "reliability"),
    [
        ("/image", Image, ReliabilityPolicy.RELIABLE),
        ("/image/compressed", CompressedImage, ReliabilityPolicy.BEST_EFFORT),
    ],
)
def test_every_message_arrives_as_recorded_and_in_its_rhythm(bag, topic, message_type, reliability):
    context = Context()
    rclpy.init(context=context)
    node = rclpy.create_node("listener", context=context)
    heard: list[tuple[float, bytes]] = []
    node.create_subscription(
        message_type,
        topic,
        lambda data: heard.append((time.monotonic(), data)),
        QoSProfile(depth=COUNT, reliability=reliability),
        raw=True,
    )
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    thread = threading.Thread(target=executor.spin, daemon=True)
    thread.start()

    def arrived() -> bool:
        deadline = time.monotonic() + 20
        while len(heard) < COUNT and time.monotonic() < deadline:
            time.sleep(0.05)
        return len(heard) >= COUNT

    def duration_s() -> float:
        heard.clear()
        done = subprocess.run(
            player(str(bag), "--topic", topic, "--rate", "0.5"),
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert done.stdout == f"{COUNT} messages published\n"
        if not arrived():  # best effort, on a computer that stalls
            return math.inf
        assert [data for _, data in heard] == [m.data for m in BagReader(bag).messages([topic])]
        return heard[-1][0] - heard[0][0]

    expected_s = pytest.approx((COUNT - 1) * PERIOD_NS / 1e9 / 0.5, abs=0.5)
    try:
        assert any(duration_s() == expected_s for _ in range(3)), "a busy computer may delay an end"
    finally:
        executor.shutdown()
        node.destroy_node()
        rclpy.shutdown(context=context)


def test_the_time_of_the_bag_is_published_and_goes_on(bag):
    context = Context()
    rclpy.init(context=context)
    node = rclpy.create_node("listener", context=context)
    clock: list[tuple[float, int]] = []
    images: dict[str, int] = {"/image": 0, "/image/compressed": 0}

    def count(topic: str) -> None:
        images[topic] += 1

    best_effort = QoSProfile(depth=COUNT, reliability=ReliabilityPolicy.BEST_EFFORT)
    node.create_subscription(
        Clock,
        "/clock",
        lambda message: clock.append((time.monotonic(), to_nanoseconds(message.clock))),
        best_effort,
    )
    for topic, kind in (("/image", Image), ("/image/compressed", CompressedImage)):
        node.create_subscription(kind, topic, lambda _, topic=topic: count(topic), best_effort)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    threading.Thread(target=executor.spin, daemon=True).start()
    topics = ["--topic", "/image", "--topic", "/image/compressed"]
    playing = subprocess.Popen(
        player(str(bag), *topics, "--rate", "0.25", "--clock", "--best-effort"),
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert playing.stdout is not None
        assert playing.stdout.readline() == f"{2 * COUNT} messages published\n"
        time.sleep(0.5)
        assert playing.poll() is None, "the clock goes on"
    finally:
        playing.terminate()
        playing.wait(60)
        executor.shutdown()
        node.destroy_node()
        rclpy.shutdown(context=context)
    assert min(images.values()) > 0
    times = [bag_ns for _, bag_ns in clock]
    assert times == sorted(times)
    assert times[0] >= START_NS
    last_ns = START_NS + (COUNT - 1) * PERIOD_NS
    assert times[-1] > last_ns
    running = np.array([(at, (ns - START_NS) / 1e9) for at, ns in clock if ns > START_NS])
    passed_s, of_bag_s = (running[10:] - running[:-10]).T
    assert np.median(of_bag_s / passed_s) == pytest.approx(0.25, rel=0.2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing"], "bag_player: bag 'missing' cannot be read"),
        (["{bag}", "--topic", "/other"], "has no image topic '/other'"),
        (["{bag}", "--wait", "0.1"], "bag_player: nobody subscribed to /image within 0.1 s"),
        (["{bag}", "--rate", "0"], "--rate is 0.0, must be above 0"),
    ],
)
def test_what_cannot_be_played_is_told(bag, arguments, message):
    done = subprocess.run(
        player(*[part.format(bag=bag) for part in arguments]),
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr

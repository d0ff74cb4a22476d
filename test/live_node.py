"""A node, started by `pixelrefer node`, that has seen a camera: a bag played into it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from pixelrefer_ros.resources import find_config
from pixelrefer_ros.streams.bag_writer import write_bag
from pixelrefer_ros.streams.frame import Frame
from pixelrefer_ros.streams.image_codec import from_rgb

ROOT = Path(__file__).resolve().parents[1]
TOPIC = "/camera/image_raw"
FRAMES = 10
PARAMETERS = {
    "request.max_frame_age": 3600.0,  # the tests take longer than the default
    "request.max_new_tokens": 8,
    "buffer.seconds": 3600.0,
}
TIMEOUT_S = 360.0


class LiveNode:
    """Holds `FRAMES` frames of 640 x 480, 50 ms apart, with stamps of now.

    It lives in a ROS domain of its own; `environment` leads there.
    """

    def __init__(self, folder: Path) -> None:
        self.environment = {
            **os.environ,
            "ROS_DOMAIN_ID": str(1 + (os.getpid() + 50) % 100),
            "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
            "FASTRTPS_DEFAULT_PROFILES_FILE": str(find_config("fastdds.xml")),
        }
        first_ns = time.time_ns()
        self.stamps_ns = [first_ns + n * 50_000_000 for n in range(FRAMES)]
        pixels = np.random.default_rng(0).integers(0, 255, (480, 640, 3), np.uint8)
        frames = [Frame("", stamp_ns, "camera", from_rgb(pixels)) for stamp_ns in self.stamps_ns]
        write_bag(folder / "bag", ((TOPIC, frame) for frame in frames))
        self._log = folder / "node.log"
        node = ["-m", "pixelrefer_ros.cli", "node", "--topic", TOPIC, "--model", "random-tiny"]
        for name, value in PARAMETERS.items():
            node += ["-p", f"{name}:={value}"]
        with self._log.open("w") as log:
            self._node = subprocess.Popen(
                [sys.executable, *node],
                env=self.environment,
                cwd=ROOT,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        bag = str(folder / "bag")
        played = self.python("-m", "pixelrefer_ros.ros.bag_player", bag, "--wait", "300")
        if played.returncode:
            self.stop()
            raise AssertionError(played.stderr + self.log())

    def ask(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `pixelrefer ask` where the node can hear it."""
        return self.python("-m", "pixelrefer_ros.cli", "ask", *arguments)

    def python(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run Python in the node's ROS domain."""
        return subprocess.run(
            [sys.executable, *arguments],
            env=self.environment,
            cwd=ROOT,
            timeout=TIMEOUT_S,
            capture_output=True,
            text=True,
            check=False,
        )

    def log(self) -> str:
        """Return what the node has said."""
        return self._log.read_text()

    def stop(self) -> int:
        """End the node as Ctrl-C does and return its exit status."""
        self._node.send_signal(signal.SIGINT)
        try:
            return self._node.wait(60)
        finally:
            self._node.kill()

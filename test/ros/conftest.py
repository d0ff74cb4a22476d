"""Real processes: nodes and cameras started for a test and always ended after it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")
os.environ["ROS_DOMAIN_ID"] = str(1 + os.getpid() % 100)
os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"

from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState

from pixelrefer_ros.resources import find_config
from pixelrefer_ros.ros.client import DescribeRegionClient

ROOT = Path(__file__).resolve().parents[2]
os.environ["FASTRTPS_DEFAULT_PROFILES_FILE"] = str(find_config("fastdds.xml"))

TRANSITIONS = {
    "configure": Transition.TRANSITION_CONFIGURE,
    "activate": Transition.TRANSITION_ACTIVATE,
    "deactivate": Transition.TRANSITION_DEACTIVATE,
    "cleanup": Transition.TRANSITION_CLEANUP,
}


class NodeProcess:
    """A PixelRefer node in a process of its own, driven as a lifecycle manager drives it."""

    def __init__(self, log: Path, **parameters: object) -> None:
        command = [sys.executable, str(ROOT / "scripts" / "pixelrefer_node"), "--ros-args"]
        for name, value in parameters.items():
            command += ["-p", f"{name.replace('__', '.')}:={value}"]
        self._log = log
        with log.open("w") as output:
            self.process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        self.client = DescribeRegionClient()
        self._change = self.client.node.create_client(ChangeState, "/pixelrefer/change_state")
        self._get = self.client.node.create_client(GetState, "/pixelrefer/get_state")

    def wait(self, timeout_s: float = 60.0) -> NodeProcess:
        assert self._change.wait_for_service(timeout_s), self.log()
        assert self.client.wait_for_node(timeout_s), self.log()
        return self

    def change(self, transition: str, timeout_s: float = 60.0) -> bool:
        request = ChangeState.Request(transition=Transition(id=TRANSITIONS[transition]))
        return bool(self._call(self._change, request, timeout_s).success)

    def state(self) -> str:
        return str(self._call(self._get, GetState.Request(), 10.0).current_state.label)

    def start(self) -> NodeProcess:
        self.wait()
        assert self.change("configure"), self.log()
        assert self.change("activate"), self.log()
        return self

    def wait_for_frames(self, count: int, camera: str = "", timeout_s: float = 20.0) -> list:
        deadline = time.monotonic() + timeout_s
        frames: list = []
        while time.monotonic() < deadline:
            frames = self.client.list_frames(camera)
            if len(frames) >= count:
                return frames
            time.sleep(0.05)
        raise AssertionError(f"{len(frames)} frames after {timeout_s} s\n{self.log()}")

    def log(self) -> str:
        return self._log.read_text()

    def stop(self, number: int = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        finally:
            self.client.close()

    def _call(self, client, request, timeout_s: float):
        future = client.call_async(request)
        deadline = time.monotonic() + timeout_s
        while not future.done():
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.005)
        return future.result()


class CameraProcess:
    """A publisher of a known picture."""

    def __init__(self, *arguments: str) -> None:
        script = str(Path(__file__).with_name("camera_process.py"))
        self.process = subprocess.Popen(
            [sys.executable, script, *arguments], stdout=subprocess.PIPE, text=True
        )

    def stop(self) -> int:
        """End it and return how many frames it sent."""
        self.process.terminate()
        output, _ = self.process.communicate(timeout=10)
        return int(output.strip() or 0)


@pytest.fixture(scope="module")
def start_node(tmp_path_factory) -> Iterator[Callable[..., NodeProcess]]:
    started: list[NodeProcess] = []

    def start(**parameters: object) -> NodeProcess:
        log = tmp_path_factory.mktemp("node") / "log.txt"
        node = NodeProcess(log, **parameters)
        started.append(node)
        return node

    yield start
    for node in started:
        if node.process.poll() is None:
            node.stop()


@pytest.fixture(scope="module")
def start_camera() -> Iterator[Callable[..., CameraProcess]]:
    started: list[CameraProcess] = []

    def start(*arguments: str) -> CameraProcess:
        camera = CameraProcess(*arguments)
        started.append(camera)
        return camera

    yield start
    for camera in started:
        if camera.process.poll() is None:
            camera.stop()

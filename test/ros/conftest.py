"""Real processes: nodes and cameras started for a test and always ended after it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")
os.environ["ROS_DOMAIN_ID"] = str(1 + os.getpid() % 100)
os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"

import rclpy
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.srv import SetParameters
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter

from pixelrefer_ros.errors import DeadlineError
from pixelrefer_ros.resources import find_config
from pixelrefer_ros.ros.client import DescribeRegionClient
from pixelrefer_ros.ros.conversions import to_nanoseconds
from pixelrefer_ros.ros.parameters import Settings, declare_parameters, read_settings

ROOT = Path(__file__).resolve().parents[2]
os.environ["FASTRTPS_DEFAULT_PROFILES_FILE"] = str(find_config("fastdds.xml"))

NODE = (str(ROOT / "scripts" / "pixelrefer_node"),)
PARAMETERS = {
    "model__path": "random-tiny",
    "request__max_frame_age": 3600.0,  # a camera may stop for a while on a busy computer
}
TRANSITIONS = {
    "configure": Transition.TRANSITION_CONFIGURE,
    "activate": Transition.TRANSITION_ACTIVATE,
    "deactivate": Transition.TRANSITION_DEACTIVATE,
    "cleanup": Transition.TRANSITION_CLEANUP,
    "shutdown unconfigured": Transition.TRANSITION_UNCONFIGURED_SHUTDOWN,
    "shutdown inactive": Transition.TRANSITION_INACTIVE_SHUTDOWN,
    "shutdown active": Transition.TRANSITION_ACTIVE_SHUTDOWN,
    "unknown": 200,
}


class NodeProcess:
    """A PixelRefer node in a process of its own, driven as a lifecycle manager drives it."""

    def __init__(self, log: Path, script: Sequence[str] = NODE, **parameters: object) -> None:
        command = [sys.executable, *script, "--ros-args"]
        for name, value in {**PARAMETERS, **parameters}.items():
            command += ["-p", f"{name.replace('__', '.')}:={value}"]
        self._log = log
        self._closed = False
        with log.open("w") as output:
            self.process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        self.client = DescribeRegionClient()
        self._change = self.client.node.create_client(ChangeState, "/pixelrefer/change_state")
        self._set = self.client.node.create_client(SetParameters, "/pixelrefer/set_parameters")
        self._get = self.client.node.create_client(GetState, "/pixelrefer/get_state")

    def wait(self, timeout_s: float = 60.0) -> NodeProcess:
        deadline = time.monotonic() + timeout_s
        while not (self._change.wait_for_service(0.5) and self.client.wait_for_node(0.5)):
            assert self.process.poll() is None, self.log()
            assert time.monotonic() < deadline, self.log()
        return self

    def change(self, transition: str, timeout_s: float = 60.0) -> bool:
        request = ChangeState.Request(transition=Transition(id=TRANSITIONS[transition]))
        return bool(self._call(self._change, request, timeout_s).success)

    def state(self) -> str:
        return str(self._call(self._get, GetState.Request(), 30.0).current_state.label)

    def set(self, **parameters: object) -> None:
        refused = self.refusals(**parameters)
        assert not any(refused), refused

    def refusals(self, **parameters: object) -> list[str]:
        """Set parameters; return for each why it was refused, empty where it was not."""
        values = [
            Parameter(name.replace("__", "."), value=value).to_parameter_msg()
            for name, value in parameters.items()
        ]
        response = self._call(self._set, SetParameters.Request(parameters=values), 30.0)
        return ["" if result.successful else result.reason for result in response.results]

    def start(self) -> NodeProcess:
        self.wait()
        assert self.change("configure"), self.log()
        assert self.change("activate"), self.log()
        return self

    def wait_for_frames(self, count: int, camera: str = "", timeout_s: float = 60.0) -> list:
        deadline = time.monotonic() + timeout_s
        frames: list = []
        while time.monotonic() < deadline:
            with suppress(DeadlineError):
                frames = self.client.list_frames(camera)
            if len(frames) >= count:
                return frames
            time.sleep(0.05)
        raise AssertionError(f"{len(frames)} frames after {timeout_s} s\n{self.log()}")

    def stamps_ns(self) -> list[int]:
        """Return the stamps of the frames that are held, the oldest first."""
        return [to_nanoseconds(header.stamp) for header in self.client.list_frames()]

    def wait_for_calls(self) -> None:
        """Wait until the node has taken the calls made before: the first reply may overtake one."""
        for _ in range(2):
            self.client.list_frames(timeout_s=30.0)

    def log(self) -> str:
        return self._log.read_text()

    def stop(self, number: int = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        finally:
            if not self._closed:
                self._closed = True
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
        try:
            output, _ = self.process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        return int(output.strip() or 0)


class Processes:
    """Starts nodes and cameras, and ends those that still run."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started: list[NodeProcess | CameraProcess] = []

    def node(self, script: Sequence[str] = NODE, **parameters: object) -> NodeProcess:
        log = self._folder / f"node{len(self._started)}.log"
        self._started.append(NodeProcess(log, script, **parameters))
        return self._started[-1]

    def camera(self, *arguments: str) -> CameraProcess:
        self._started.append(CameraProcess(*arguments))
        return self._started[-1]

    def stop(self) -> None:
        with ExitStack() as ending:  # all of them, whatever one of them does
            for started in self._started:
                if isinstance(started, NodeProcess) or started.process.poll() is None:
                    ending.callback(started.stop)


@pytest.fixture
def processes(tmp_path) -> Iterator[Processes]:
    """Processes that end with the test."""
    running = Processes(tmp_path)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def module_processes(tmp_path_factory) -> Iterator[Processes]:
    """Processes shared by the tests of a module."""
    running = Processes(tmp_path_factory.mktemp("processes"))
    yield running
    running.stop()


@pytest.fixture
def executor() -> Iterator[SingleThreadedExecutor]:
    """An executor in a context of its own, with a node named `server`."""
    context = rclpy.Context()
    rclpy.init(context=context)
    node = rclpy.create_node("server", context=context)
    running = SingleThreadedExecutor(context=context)
    running.add_node(node)
    yield running
    running.shutdown()
    node.destroy_node()
    context.try_shutdown()


@pytest.fixture(scope="module")
def settings() -> Settings:
    """The default parameters, as a node reads them."""
    context = rclpy.Context()
    rclpy.init(context=context)
    node = rclpy.create_node("settings", context=context)
    declare_parameters(node)
    read = read_settings(node)
    node.destroy_node()
    context.try_shutdown()
    return read

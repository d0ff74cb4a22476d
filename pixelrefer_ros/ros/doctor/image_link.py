"""Whether large images get from one process to another and back, measured with real ones."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from rclpy.utilities import get_rmw_implementation_identifier

from pixelrefer_ros.doctor.finding import Finding, Level
from pixelrefer_ros.resources import find_config
from pixelrefer_ros.ros.doctor.image_link_end import COUNT, RATE_HZ, SIZES
from pixelrefer_ros.ros.doctor.middleware import FAST_DDS, PROFILE_VARIABLES

FEW_LOST = 0.05
MANY_LOST = 0.5


class Passage(NamedTuple):
    """What became of the frames of one size.

    Those that arrived whole were sent back; delay_s is the median of those that came back whole,
    there and back. damaged: frames whose pixels were others than those sent, at either end.
    """

    sent: int
    arrived: int
    returned: int
    damaged: int
    delay_s: float | None

    @property
    def lost_share(self) -> float:
        """Of the frames that did not come back, 0 to 1."""
        return 1.0 - self.returned / self.sent

    def __str__(self) -> str:
        arrived = "" if self.arrived == self.returned else f", {self.arrived} had arrived"
        damaged = f", {self.damaged} were damaged" if self.damaged else ""
        delay = "" if self.delay_s is None else f", {1000 * self.delay_s:.1f} ms there and back"
        return (
            f"{self.returned} of {self.sent} came back at {RATE_HZ:.0f} Hz{arrived}{damaged}{delay}"
        )


def check_image_link(variables: Mapping[str, str] = os.environ) -> Iterator[Finding]:
    """Send VGA and 1080p images to another process and back, in the environment `variables`.

    Where they get lost and Fast DDS runs without a profile, the profile of this package is tried.
    """
    passages = measure(variables)
    if not passages:
        yield Finding(
            Level.ERROR,
            "images between processes",
            "two processes do not find each other",
            "check the firewall for UDP multicast, or set ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST "
            "and have the loopback interface up",
        )
        return
    without_profile = get_rmw_implementation_identifier() in FAST_DDS and not any(
        variables.get(name) for name in PROFILE_VARIABLES
    )
    lossy = any(passage.lost_share > FEW_LOST for passage in passages.values())
    profile = str(find_config("fastdds.xml"))
    cured = (
        measure({**variables, PROFILE_VARIABLES[0]: profile}) if without_profile and lossy else {}
    )
    for size, passage in passages.items():
        yield judge(size, passage, cured.get(size), profile)


def judge(size: str, passage: Passage, cured: Passage | None, profile: str) -> Finding:
    """Turn what was measured into a finding; `cured` is the same with the shipped profile."""
    what = f"{size} images between processes"
    if passage.damaged:
        cure = "the middleware changes images: update it, or choose another (RMW_IMPLEMENTATION)"
        return Finding(Level.ERROR, what, str(passage), cure)
    if passage.lost_share <= FEW_LOST:
        return Finding(Level.OK, what, str(passage))
    if cured is not None and cured.returned > passage.returned:
        cure = (
            f"the Fast DDS profile is missing: with it, {cured.returned} of {cured.sent} came "
            f"back. export {PROFILE_VARIABLES[0]}={profile} where the camera driver and the node "
            "start"
        )
    else:
        cure = (
            "end what keeps the computer busy, see that /dev/shm has room, or send compressed "
            "images (cameras.<name>.transport compressed)"
        )
    level = Level.ERROR if passage.lost_share > MANY_LOST else Level.WARN
    return Finding(level, what, str(passage), cure)


def measure(variables: Mapping[str, str]) -> dict[str, Passage]:
    """Let frames pass, by size; empty when the two processes do not find each other."""
    topic = f"/pixelrefer_doctor_{os.getpid()}/image"
    far, near = (_start(role, topic, variables) for role in ("return", "send"))
    try:
        returned: dict[str, dict[str, Any]] = _read(near)
        assert far.stdin is not None
        far.stdin.close()
        arrived: dict[str, dict[str, Any]] = _read(far)
    finally:
        for process in (far, near):
            process.kill()
            process.wait()
    return {
        size: _passage(arrived[size], returned[size])
        for size in SIZES
        if size in arrived and size in returned
    }


def _passage(arrived: Mapping[str, Any], returned: Mapping[str, Any]) -> Passage:
    """Put together what the two ends tell."""
    delays = returned["delays"]
    return Passage(
        sent=COUNT,
        arrived=len(arrived["delays"]),
        returned=len(delays),
        damaged=arrived["damaged"] + returned["damaged"],
        delay_s=float(np.median(delays)) if delays else None,
    )


def _start(role: str, topic: str, variables: Mapping[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "pixelrefer_ros.ros.doctor.image_link_end", role, topic],
        env=dict(variables),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def _read(process: subprocess.Popen[str]) -> Any:
    """Wait for what an end tells; it has a time limit of its own."""
    assert process.stdout is not None
    return json.loads(process.stdout.readline() or "{}")

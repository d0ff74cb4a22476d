"""rclpy, the middleware below it, and the variables that decide what it does."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from rclpy.utilities import get_rmw_implementation_identifier

from pixelrefer_ros.doctor.finding import Finding, Level
from pixelrefer_ros.doctor.packages import installed_version
from pixelrefer_ros.resources import find_config

FAST_DDS = ("rmw_fastrtps_cpp", "rmw_fastrtps_dynamic_cpp")
PROFILE_VARIABLES = ("FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_DEFAULT_PROFILES_FILE")


def check_middleware(variables: Mapping[str, str] = os.environ) -> Iterator[Finding]:
    """Look at the implementation and at `variables`, the environment."""
    rmw = get_rmw_implementation_identifier()
    distribution = variables.get("ROS_DISTRO", "")
    version = installed_version("ros-rclpy") or installed_version("rclpy") or distribution
    yield Finding(Level.OK, "rclpy", f"{version} over {rmw}".strip())
    yield _check_discovery(variables)
    if rmw in FAST_DDS:
        yield check_profile(variables)


def _check_discovery(variables: Mapping[str, str]) -> Finding:
    domain = variables.get("ROS_DOMAIN_ID") or "0"
    reach = variables.get("ROS_AUTOMATIC_DISCOVERY_RANGE") or "SUBNET"
    if variables.get("ROS_LOCALHOST_ONLY") == "1":
        reach = "LOCALHOST"
    found = f"ROS_DOMAIN_ID {domain}, range {reach}"
    if reach == "OFF":
        return Finding(
            Level.ERROR,
            "discovery",
            found,
            "no process finds another: set ROS_AUTOMATIC_DISCOVERY_RANGE to LOCALHOST or SUBNET",
        )
    return Finding(Level.OK, "discovery", found)


def check_profile(variables: Mapping[str, str]) -> Finding:
    """Look whether Fast DDS is told to make room for large images."""
    shipped = find_config("fastdds.xml")
    given = next((variables[name] for name in PROFILE_VARIABLES if variables.get(name)), "")
    cure = f"export {PROFILE_VARIABLES[0]}={shipped} where the camera driver and the node start"
    if not given:
        return Finding(
            Level.WARN,
            "Fast DDS profile",
            "none: large best-effort images get lost between processes",
            cure,
        )
    if not Path(given).is_file():
        return Finding(
            Level.ERROR,
            "Fast DDS profile",
            f"{given} is not a file; Fast DDS goes on without a word",
            cure,
        )
    return Finding(Level.OK, "Fast DDS profile", given)

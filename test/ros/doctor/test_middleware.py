from __future__ import annotations

import pytest

from pixelrefer_ros.doctor.finding import Level
from pixelrefer_ros.resources import find_config
from pixelrefer_ros.ros.doctor.middleware import check_middleware, check_profile

PROFILE = "FASTRTPS_DEFAULT_PROFILES_FILE"


def test_middleware_and_discovery_are_told():
    findings = {finding.what: finding for finding in check_middleware({"ROS_DOMAIN_ID": "7"})}
    assert " over rmw_" in findings["rclpy"].found
    assert findings["discovery"].found == "ROS_DOMAIN_ID 7, range SUBNET"
    assert findings["discovery"].level is Level.OK


@pytest.mark.parametrize(
    ("variables", "level", "found"),
    [
        ({"ROS_AUTOMATIC_DISCOVERY_RANGE": "OFF"}, Level.ERROR, "range OFF"),
        ({"ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}, Level.OK, "range LOCALHOST"),
        ({"ROS_LOCALHOST_ONLY": "1"}, Level.OK, "range LOCALHOST"),
    ],
)
def test_the_range_of_discovery(variables, level, found):
    [finding] = [f for f in check_middleware(variables) if f.what == "discovery"]
    assert finding.level is level
    assert found in finding.found


def test_a_missing_profile_is_recognised():
    shipped = str(find_config("fastdds.xml"))
    missing = check_profile({})
    assert missing.level is Level.WARN
    assert f"export {PROFILE}={shipped}" in missing.cure
    wrong = check_profile({PROFILE: "/no/such/profile.xml"})
    assert wrong.level is Level.ERROR
    assert "/no/such/profile.xml is not a file" in wrong.found
    assert check_profile({PROFILE: shipped}).level is Level.OK

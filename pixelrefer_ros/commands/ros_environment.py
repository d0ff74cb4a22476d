"""What the commands that talk to ROS need before they import it."""

from __future__ import annotations

import os
from importlib.util import find_spec

from pixelrefer_ros.errors import CommandError
from pixelrefer_ros.resources import find_config

PROFILE_VARIABLE = "FASTRTPS_DEFAULT_PROFILES_FILE"


def prepare_ros() -> None:
    """Choose the transport that large images need, unless the user chose one.

    Call it before the first ROS node of the process is made. Raises `CommandError` when ROS 2 or
    the interfaces of this package are not there.
    """
    for module in ("rclpy", "pixelrefer_ros.msg"):
        if find_spec(module) is None:
            raise CommandError(
                f"this command needs ROS 2 and there is no module '{module}': run `make setup` in "
                "a checkout and use .venv/bin/pixelrefer, or source /opt/ros/jazzy/setup.bash and "
                "the install/setup.bash of the workspace this package was built in"
            )
    os.environ.setdefault(PROFILE_VARIABLE, str(find_config("fastdds.xml")))

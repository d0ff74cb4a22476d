"""What `/diagnostics` says: one status of the engine, of the regions and of each camera."""

from __future__ import annotations

from collections.abc import Collection

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.time import Time

from pixelrefer_ros.engine.describer import Describer
from pixelrefer_ros.ros.camera import Camera
from pixelrefer_ros.ros.camera_status import build_camera_status
from pixelrefer_ros.ros.engine_status import build_engine_status
from pixelrefer_ros.ros.parameters import Settings
from pixelrefer_ros.ros.region_status import build_region_status
from pixelrefer_ros.ros.watching import Watching


def build_diagnostics(
    name: str,
    engine: Describer | None,
    watching: Watching | None,
    cameras: Collection[Camera],
    settings: Settings | None,
    now: Time,
) -> DiagnosticArray:
    """Look at everything, in whatever state of the lifecycle.

    name: of the node with its namespace. cameras: those listened to, none unless it is active.
    """
    statuses = [build_engine_status(name, engine, settings, active=bool(cameras))]
    if watching is not None and settings is not None:
        statuses.append(build_region_status(name, watching, settings))
    for camera in cameras:
        assert settings is not None
        statuses.append(build_camera_status(name, camera, settings, now.nanoseconds))
    message = DiagnosticArray(status=statuses)
    message.header.stamp = now.to_msg()
    return message

"""How the engine is doing, for `/diagnostics`."""

from __future__ import annotations

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.time import Time

from pixelrefer_ros.engine.describer import Describer
from pixelrefer_ros.ros.camera import Camera


def build_diagnostics(node_name: str, describer: Describer, now: Time) -> DiagnosticArray:
    """Return one status, `<node_name>: engine`.

    It is ERROR, with the cure, once the engine answers nothing any more.
    Its values: model, device, requests waiting, and of the feature cache the views given out and
    encoded, the share given out (0 to 1; "-" before the first view) and the megabytes held.
    """
    cache = describer.feature_cache
    asked = cache.hits + cache.misses
    values = {
        "model": describer.model.model_id,
        "device": str(describer.model.language_model.device),
        "requests waiting": str(describer.waiting),
        "feature cache hits": str(cache.hits),
        "feature cache misses": str(cache.misses),
        "feature cache hit rate": f"{cache.hits / asked:.3f}" if asked else "-",
        "feature cache megabytes": f"{cache.nbytes / 1e6:.1f}",
    }
    status = DiagnosticStatus(
        level=DiagnosticStatus.ERROR if describer.failure else DiagnosticStatus.OK,
        name=f"{node_name}: engine",
        message=describer.failure or "answering",
        hardware_id=values["device"],
        values=[KeyValue(key=key, value=value) for key, value in values.items()],
    )
    message = DiagnosticArray(status=[status])
    message.header.stamp = now.to_msg()
    return message


def build_camera_status(node_name: str, camera: Camera) -> DiagnosticStatus:
    """Return the status `<node_name>: camera <name>`: what its buffer has counted."""
    counts = camera.buffer.statistics()
    values = {"frames received": counts.received, "frames dropped": counts.dropped}
    return DiagnosticStatus(
        level=DiagnosticStatus.OK,
        name=f"{node_name}: camera {camera.settings.name}",
        hardware_id=camera.settings.topic,
        values=[KeyValue(key=key, value=str(value)) for key, value in values.items()],
    )

"""How a camera is doing, for `/diagnostics`."""

from __future__ import annotations

from diagnostic_msgs.msg import DiagnosticStatus

from pixelrefer_ros.errors import UnsupportedEncodingError
from pixelrefer_ros.ros.camera import SILENCE_S, Camera
from pixelrefer_ros.ros.parameters import Settings
from pixelrefer_ros.ros.qos import describe_qos
from pixelrefer_ros.ros.status import ERROR, WARN, Complaint, build_status
from pixelrefer_ros.streams.arrivals import Rhythm
from pixelrefer_ros.streams.frame import Frame
from pixelrefer_ros.streams.readability import encoding_of
from pixelrefer_ros.streams.stamps import NANOSECONDS

MISSING_SHARE = 0.1
"""A camera that loses more of its frames is warned about."""

AHEAD_S = 1.0
"""Stamps farther in the future than this come from a clock that is wrong."""


def build_camera_status(
    node_name: str, camera: Camera, settings: Settings, now_ns: int
) -> DiagnosticStatus:
    """Return the status `<node_name>: camera <name>`; `now_ns` is ROS time.

    ERROR: no question about the camera can be answered, because its frames cannot be read or are
    of another type. WARN: it is silent, its stamps are far from the node's clock, or frames are
    missing.
    """
    rhythm = camera.arrivals.rhythm()
    frames = camera.buffer.frames()
    newest = frames[-1] if frames else None
    return build_status(
        f"{node_name}: camera {camera.settings.name}",
        hardware_id=camera.topic,
        complaints=_complaints(camera, settings, rhythm, newest, now_ns),
        fine=f"{rhythm.rate_hz:.1f} Hz",
        values=_values(camera, settings, rhythm, frames, now_ns),
    )


def _complaints(
    camera: Camera, settings: Settings, rhythm: Rhythm, newest: Frame | None, now_ns: int
) -> list[Complaint]:
    if rhythm.silence_s >= SILENCE_S:
        level = ERROR if camera.foreign_types() else WARN
        return [Complaint(level, camera.why_silent(rhythm.silence_s))]
    if newest is None:
        return []
    complaints = []
    if problem := camera.readability.problem(newest):
        complaints.append(Complaint(ERROR, problem))
    if text := _judge_age((now_ns - newest.stamp_ns) / NANOSECONDS, settings, now_ns):
        complaints.append(Complaint(WARN, text))
    if rhythm.missing > MISSING_SHARE * (rhythm.frames + rhythm.missing):
        complaints.append(
            Complaint(
                WARN,
                f"{rhythm.missing} of {rhythm.frames + rhythm.missing} frames are missing: start "
                "the camera driver and the node with FASTRTPS_DEFAULT_PROFILES_FILE set to "
                "config/fastdds.xml of this package; `pixelrefer doctor` measures the transport",
            )
        )
    return complaints


def _judge_age(age_s: float, settings: Settings, now_ns: int) -> str:
    if now_ns == 0:
        return "use_sim_time is true and nothing came on /clock: start the simulation or bag"
    if age_s > settings.max_frame_age:
        return (
            f"stamps are {age_s:.3f} s behind the node's clock, more than request.max_frame_age "
            f"({settings.max_frame_age:.3f} s): questions about the newest frame are answered "
            "FRAME_STALE. Synchronise the clocks, set use_sim_time with a bag or simulation, or "
            "raise request.max_frame_age"
        )
    if age_s < -AHEAD_S:
        return (
            f"stamps are {-age_s:.3f} s ahead of the node's clock: synchronise the clocks, or set "
            "use_sim_time with a bag or simulation"
        )
    return ""


def _values(
    camera: Camera, settings: Settings, rhythm: Rhythm, frames: list[Frame], now_ns: int
) -> dict[str, str]:
    counts = camera.buffer.statistics()
    newest = frames[-1] if frames else None
    span_s = (frames[-1].stamp_ns - frames[0].stamp_ns) / NANOSECONDS if frames else 0.0
    return {
        "rate (Hz)": f"{rhythm.rate_hz:.1f}",
        "age of newest frame (s)": _age(newest, now_ns),
        "silence (s)": f"{rhythm.silence_s:.2f}",
        "frames received": str(counts.received),
        "frames missing, last 10 s": str(rhythm.missing),
        "frames dropped": str(counts.dropped),
        "frames dropped by count or size": str(counts.crowded_out),
        "time jumps": str(counts.epoch),
        "buffer frames": f"{counts.held} of {settings.buffer_frames}",
        "buffer megabytes": f"{counts.nbytes / 1e6:.1f} of {settings.buffer_megabytes}",
        "buffer seconds": f"{span_s:.2f} of {settings.buffer_seconds}",
        "encoding": encoding_of(newest) if newest else "-",
        "size (pixels)": _size(newest),
        "qos": describe_qos(camera.qos),
        "publishers": ", ".join(describe_qos(p.qos_profile) for p in camera.publishers) or "none",
    }


def _age(newest: Frame | None, now_ns: int) -> str:
    return f"{(now_ns - newest.stamp_ns) / NANOSECONDS:.3f}" if newest else "-"


def _size(newest: Frame | None) -> str:
    try:
        return "{1} x {0}".format(*newest.size) if newest else "-"
    except UnsupportedEncodingError:
        return "-"

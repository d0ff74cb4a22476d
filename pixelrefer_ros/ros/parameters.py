"""The parameters of the node: one table, declared with ranges, read into typed settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from rclpy.exceptions import InvalidTopicNameException
from rclpy.node import Node
from rclpy.validate_topic_name import validate_topic_name

from pixelrefer_ros.engine.device import DTYPES
from pixelrefer_ros.engine.encoders.choice import BACKENDS
from pixelrefer_ros.engine.weight_quantization import QUANTIZATIONS
from pixelrefer_ros.regions.propagation import PROPAGATORS
from pixelrefer_ros.regions.segmentation import SEGMENTERS
from pixelrefer_ros.ros.parameter import Effect, Parameter
from pixelrefer_ros.streams.frame_buffer import BufferLimits


def _check_camera_names(name: str, value: Sequence[str]) -> None:
    if not value or len(set(value)) != len(value) or "" in value:
        raise ValueError(f"{name} is {list(value)}, must be at least one name, each once")


def _check_topic(name: str, value: str) -> None:
    try:
        validate_topic_name(value)
    except (InvalidTopicNameException, ValueError) as error:
        raise ValueError(f"{name} is '{value}', not a topic name: {error}") from error


at_once = partial(Parameter, effect=Effect.AT_ONCE)
at_activate = partial(Parameter, effect=Effect.AT_ACTIVATE)
at_configure = partial(Parameter, effect=Effect.AT_CONFIGURE)

PARAMETERS = (
    at_configure(
        "model.path", "", "Folder, shipped model or downloaded hub id; empty: the default model."
    ),
    at_configure("model.device", "auto", "`auto`, `cpu`, `cuda` or `cuda:N`."),
    at_configure("model.dtype", "auto", "Type of the weights.", choices=("auto", *DTYPES)),
    at_configure(
        "model.quantization",
        "none",
        "Of the weights, in fewer bits: docs/performance.md.",
        choices=QUANTIZATIONS,
    ),
    at_configure("model.threads", 1, "CPU threads; 0: as torch likes.", 0, 256),
    at_configure(
        "encoder.backend", "torch", "Runs the vision encoder: docs/export.md.", choices=BACKENDS
    ),
    at_configure("encoder.path", "", "Folder `pixelrefer export` wrote to; empty: the model's."),
    at_once(
        "encoder.cache_megabytes",
        64,
        "Most memory for features of frames, for the next question about them, 10^6 bytes.",
        0,
        1_000_000,
    ),
    at_activate(
        "camera_names", ["camera"], "Each has its own `cameras.<name>`.", check=_check_camera_names
    ),
    at_once("buffer.seconds", 10.0, "Age at which a frame leaves, s.", 0.1, 3600.0),
    at_once("buffer.frames", 300, "Most frames per camera.", 1, 100_000),
    at_once("buffer.megabytes", 512, "Most memory per camera, 10^6 bytes.", 1, 1_000_000),
    at_once("buffer.stamp_tolerance", 0.02, "Farthest frame from a stamp, s.", 0.0, 10.0),
    at_once(
        "request.queue_size",
        16,
        "Requests that may wait for the model, and four times as many for their regions; "
        "one more is `BUSY`.",
        1,
        1024,
    ),
    at_once(
        "request.queue_megabytes",
        1000,
        "Most memory for masks and prompts of unanswered requests, 10^6 bytes; the next is `BUSY`.",
        1,
        100_000,
    ),
    at_once("request.timeout", 30.0, "Default time to answer, s.", 0.01, 3600.0),
    at_once("request.max_frame_age", 1.0, "Oldest frame for a zero stamp, s.", 0.0, 3600.0),
    at_once("request.max_regions", 16, "Most regions in one request.", 1, 255),
    at_once("request.max_frames", 16, "Most frames objects are followed over.", 1, 255),
    at_once("request.max_prompt_characters", 4000, "Longest prompt, characters.", 1, 1_000_000),
    at_once("request.max_mask_megabytes", 16, "Largest mask as sent, 10^6 bytes.", 1, 1000),
    at_once("request.max_polygon_points", 2000, "Most points of a polygon.", 3, 10_000),
    at_once("request.max_new_tokens", 64, "Default length of an answer, tokens.", 1, 2048),
    at_configure(
        "request.max_batch",
        16,
        "Most questions answered together; the last place is kept for a client that has none.",
        1,
        256,
    ),
    at_once(
        "request.batch_window",
        0.0,
        "Longest wait of an idle model for more requests, s.",
        0.0,
        10.0,
    ),
    at_configure(
        "request.watchdog",
        60.0,
        "Longest step of the model or of finding objects before it is taken to hang, s; 0: any.",
        0.0,
        3600.0,
    ),
    at_configure(
        "regions.segmenter",
        "grabcut",
        "From a box or point to the object: docs/following.md.",
        choices=SEGMENTERS,
    ),
    at_configure("regions.propagator", "flow", "From one frame to the next.", choices=PROPAGATORS),
    at_configure("regions.sam2_path", "", "Folder or downloaded hub id, where one is `sam2`."),
    at_configure(
        "regions.lost_threshold",
        0.5,
        "Score below which an object counts as hidden or gone.",
        0.0,
        1.0,
    ),
    at_once("tracks.max_count", 4, "Most objects watched at a time.", 1, 64),
    at_once("tracks.timeout", 60.0, "Default time to watch an object, s.", 0.01, 3600.0),
    at_once("tracks.lost_after", 2.0, "Not seen for longer ends a track, s.", 0.0, 3600.0),
)

CAMERA_PARAMETERS = (
    at_activate("topic", "/camera/image_raw", "Image topic.", check=_check_topic),
    at_activate("transport", "raw", "Kind of image on the topic.", choices=("raw", "compressed")),
)
"""Of each camera, below `cameras.<name>`."""


@dataclass(frozen=True)
class CameraSettings:
    """Where the frames of one camera come from."""

    name: str
    topic: str
    transport: str


@dataclass(frozen=True)
class Settings:
    """All parameters, typed; durations in seconds."""

    model_path: str
    device: str
    dtype: str
    quantization: str
    threads: int
    encoder_backend: str
    encoder_path: str
    encoder_cache_megabytes: int
    cameras: tuple[CameraSettings, ...]
    buffer_seconds: float
    buffer_frames: int
    buffer_megabytes: int
    stamp_tolerance: float
    queue_size: int
    queue_megabytes: int
    timeout: float
    max_frame_age: float
    max_regions: int
    max_frames: int
    max_prompt_characters: int
    max_mask_megabytes: int
    max_polygon_points: int
    max_new_tokens: int
    max_batch: int
    batch_window: float
    watchdog: float
    segmenter: str
    propagator: str
    sam2_path: str
    lost_threshold: float
    max_tracks: int
    track_timeout: float
    track_lost_after: float

    @property
    def buffer_limits(self) -> BufferLimits:
        """The arguments of `FrameBuffer.change_limits`."""
        return {
            "seconds": self.buffer_seconds,
            "frames": self.buffer_frames,
            "max_bytes": self.buffer_megabytes * 1_000_000,
            "stamp_tolerance": self.stamp_tolerance,
        }


def declare_parameters(node: Node) -> None:
    """Declare all parameters of the node and of the cameras it names.

    Raises rclpy's `ParameterException` family when an override has the wrong type or lies outside
    its range.
    """
    for parameter in PARAMETERS:
        node.declare_parameter(parameter.name, parameter.default, parameter.descriptor())
    declare_cameras(node)


def declare_cameras(node: Node) -> None:
    """Declare the parameters of those cameras that were named since the last call."""
    for name, parameter in camera_parameters(node.get_parameter("camera_names").value).items():
        if not node.has_parameter(name):
            node.declare_parameter(name, parameter.default, parameter.descriptor())


def camera_parameters(names: Sequence[str]) -> dict[str, Parameter]:
    """Return the parameters of cameras by their full names."""
    return {
        f"cameras.{name}.{parameter.name}": parameter
        for name in names
        for parameter in CAMERA_PARAMETERS
    }


def read_settings(node: Node) -> Settings:
    """Read the declared parameters; raise `ValueError` naming the one that cannot be used."""
    declare_cameras(node)
    names = node.get_parameter("camera_names").value
    table = {parameter.name: parameter for parameter in PARAMETERS} | camera_parameters(names)
    values = {name: node.get_parameter(name).value for name in table}
    for name, parameter in table.items():
        parameter.check_value(name, values[name])
    return _settings(values)


def _settings(values: Mapping[str, Any]) -> Settings:
    return Settings(
        model_path=values["model.path"],
        device=values["model.device"],
        dtype=values["model.dtype"],
        quantization=values["model.quantization"],
        threads=values["model.threads"],
        encoder_backend=values["encoder.backend"],
        encoder_path=values["encoder.path"],
        encoder_cache_megabytes=values["encoder.cache_megabytes"],
        cameras=tuple(
            CameraSettings(
                name, values[f"cameras.{name}.topic"], values[f"cameras.{name}.transport"]
            )
            for name in values["camera_names"]
        ),
        buffer_seconds=values["buffer.seconds"],
        buffer_frames=values["buffer.frames"],
        buffer_megabytes=values["buffer.megabytes"],
        stamp_tolerance=values["buffer.stamp_tolerance"],
        queue_size=values["request.queue_size"],
        queue_megabytes=values["request.queue_megabytes"],
        timeout=values["request.timeout"],
        max_frame_age=values["request.max_frame_age"],
        max_regions=values["request.max_regions"],
        max_frames=values["request.max_frames"],
        max_prompt_characters=values["request.max_prompt_characters"],
        max_mask_megabytes=values["request.max_mask_megabytes"],
        max_polygon_points=values["request.max_polygon_points"],
        max_new_tokens=values["request.max_new_tokens"],
        max_batch=values["request.max_batch"],
        batch_window=values["request.batch_window"],
        watchdog=values["request.watchdog"],
        segmenter=values["regions.segmenter"],
        propagator=values["regions.propagator"],
        sam2_path=values["regions.sam2_path"],
        lost_threshold=values["regions.lost_threshold"],
        max_tracks=values["tracks.max_count"],
        track_timeout=values["tracks.timeout"],
        track_lost_after=values["tracks.lost_after"],
    )

"""The parameters of the node: one table, declared with ranges, read into typed settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.exceptions import InvalidTopicNameException
from rclpy.node import Node
from rclpy.validate_topic_name import validate_topic_name


@dataclass(frozen=True)
class Parameter:
    """One parameter. `low` and `high` bound numbers, both inclusive."""

    name: str
    default: bool | int | float | str | list[str]
    description: str
    low: float | None = None
    high: float | None = None

    def descriptor(self) -> ParameterDescriptor:
        """Describe the parameter the ROS way."""
        descriptor = ParameterDescriptor(
            name=self.name,
            description=self.description,
            read_only=False,
        )
        if self.low is not None and self.high is not None:
            if isinstance(self.default, float):
                bounds = FloatingPointRange(from_value=float(self.low), to_value=float(self.high))
                descriptor.floating_point_range = [bounds]
            else:
                limits = IntegerRange(from_value=int(self.low), to_value=int(self.high), step=1)
                descriptor.integer_range = [limits]
        return descriptor


PARAMETERS = (
    Parameter("model.path", "", "Model folder or name of a shipped model; empty: the default one."),
    Parameter("model.device", "auto", "Where the model runs: auto, cpu, cuda or cuda:N."),
    Parameter("model.dtype", "auto", "Type of the weights: auto, float32, bfloat16 or float16."),
    Parameter("model.quantization", "none", "Of the language model's: none, int8 or int4."),
    Parameter("model.threads", 1, "CPU threads of the model; 0: as torch likes.", 0, 256),
    Parameter("encoder.backend", "torch", "Vision encoder: torch, onnxruntime or tensorrt."),
    Parameter("encoder.path", "", "Folder `pixelrefer export` wrote to; empty: the model's."),
    Parameter("encoder.cache_megabytes", 64, "Most memory for features, 10^6 bytes.", 0, 1_000_000),
    Parameter("camera_names", ["camera"], "Names of the cameras; each has cameras.<name>.*"),
    Parameter("buffer.seconds", 10.0, "Age at which a frame leaves, seconds.", 0.1, 3600.0),
    Parameter("buffer.frames", 300, "Most frames kept per camera.", 1, 100_000),
    Parameter("buffer.megabytes", 512, "Most memory kept per camera, 10^6 bytes.", 1, 1_000_000),
    Parameter("buffer.stamp_tolerance", 0.02, "Farthest frame from a stamp, seconds.", 0.0, 10.0),
    Parameter("request.queue_size", 16, "Requests that may wait; the next is BUSY.", 1, 1024),
    Parameter("request.queue_megabytes", 1000, "Most memory of their masks, 10^6 B.", 1, 100_000),
    Parameter("request.timeout", 30.0, "Default time to answer, seconds.", 0.01, 3600.0),
    Parameter("request.max_frame_age", 1.0, "Default age limit of a frame, seconds.", 0.0, 3600.0),
    Parameter("request.max_regions", 16, "Most regions in one request.", 1, 255),
    Parameter("request.max_frames", 16, "Most frames objects are followed over.", 1, 255),
    Parameter("request.max_prompt_characters", 4000, "Longest prompt, characters.", 1, 1_000_000),
    Parameter("request.max_mask_megabytes", 16, "Largest mask as sent, 10^6 bytes.", 1, 1000),
    Parameter("request.max_polygon_points", 2000, "Most points of a polygon.", 3, 10_000),
    Parameter("request.max_new_tokens", 64, "Default length of an answer, tokens.", 1, 2048),
    Parameter("request.max_batch", 16, "Most questions answered together.", 1, 256),
    Parameter("request.batch_window", 0.0, "Longest wait for company, seconds.", 0.0, 10.0),
    Parameter("request.watchdog", 60.0, "Longest step of the model, s; 0: any.", 0.0, 3600.0),
    Parameter("regions.segmenter", "grabcut", "From box or point to mask: grabcut, sam2 or none."),
    Parameter("regions.propagator", "flow", "From frame to frame: flow, sam2 or none."),
    Parameter("regions.sam2_path", "", "Folder of the SAM 2 model, for sam2."),
    Parameter("regions.lost_threshold", 0.5, "Score below which an object is lost.", 0.0, 1.0),
    Parameter("tracks.max_count", 4, "Most objects watched at a time.", 1, 64),
    Parameter("tracks.timeout", 60.0, "Default time to watch an object, seconds.", 0.01, 3600.0),
    Parameter("tracks.lost_after", 2.0, "Unseen time that ends a track, seconds.", 0.0, 3600.0),
)  # fmt: skip

CAMERA_PARAMETERS = (
    Parameter("topic", "/camera/image_raw", "Image topic of the camera."),
    Parameter("transport", "raw", "raw (Image) or compressed (CompressedImage)."),
)  # fmt: skip


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


def declare_parameters(node: Node) -> None:
    """Declare all parameters of the node and of the cameras it names.

    Raises rclpy's `ParameterException` family when an override has the wrong type or lies outside
    its range.
    """
    for parameter in PARAMETERS:
        node.declare_parameter(parameter.name, parameter.default, parameter.descriptor())
    for camera in _value(node, "camera_names"):
        _declare_camera(node, camera)


def read_settings(node: Node) -> Settings:
    """Read the declared parameters; raise `ValueError` naming the one that cannot be used."""
    names = _value(node, "camera_names")
    if not names or len(set(names)) != len(names) or "" in names:
        raise ValueError(f"camera_names is {list(names)}, must be at least one name, each once")
    return Settings(
        model_path=_value(node, "model.path"),
        device=_value(node, "model.device"),
        dtype=_value(node, "model.dtype"),
        quantization=_value(node, "model.quantization"),
        threads=_value(node, "model.threads"),
        encoder_backend=_value(node, "encoder.backend"),
        encoder_path=_value(node, "encoder.path"),
        encoder_cache_megabytes=_value(node, "encoder.cache_megabytes"),
        cameras=tuple(_camera(node, name) for name in names),
        buffer_seconds=_value(node, "buffer.seconds"),
        buffer_frames=_value(node, "buffer.frames"),
        buffer_megabytes=_value(node, "buffer.megabytes"),
        stamp_tolerance=_value(node, "buffer.stamp_tolerance"),
        queue_size=_value(node, "request.queue_size"),
        queue_megabytes=_value(node, "request.queue_megabytes"),
        timeout=_value(node, "request.timeout"),
        max_frame_age=_value(node, "request.max_frame_age"),
        max_regions=_value(node, "request.max_regions"),
        max_frames=_value(node, "request.max_frames"),
        max_prompt_characters=_value(node, "request.max_prompt_characters"),
        max_mask_megabytes=_value(node, "request.max_mask_megabytes"),
        max_polygon_points=_value(node, "request.max_polygon_points"),
        max_new_tokens=_value(node, "request.max_new_tokens"),
        max_batch=_value(node, "request.max_batch"),
        batch_window=_value(node, "request.batch_window"),
        watchdog=_value(node, "request.watchdog"),
        segmenter=_value(node, "regions.segmenter"),
        propagator=_value(node, "regions.propagator"),
        sam2_path=_value(node, "regions.sam2_path"),
        lost_threshold=_value(node, "regions.lost_threshold"),
        max_tracks=_value(node, "tracks.max_count"),
        track_timeout=_value(node, "tracks.timeout"),
        track_lost_after=_value(node, "tracks.lost_after"),
    )


def _declare_camera(node: Node, name: str) -> None:
    for parameter in CAMERA_PARAMETERS:
        full_name = f"cameras.{name}.{parameter.name}"
        if not node.has_parameter(full_name):
            node.declare_parameter(full_name, parameter.default, parameter.descriptor())


def _camera(node: Node, name: str) -> CameraSettings:
    _declare_camera(node, name)  # camera_names may have changed since the start
    topic = _value(node, f"cameras.{name}.topic")
    try:
        validate_topic_name(topic)
    except (InvalidTopicNameException, ValueError) as error:
        raise ValueError(f"cameras.{name}.topic is '{topic}', not a topic name: {error}") from error
    transport = _value(node, f"cameras.{name}.transport")
    if transport not in ("raw", "compressed"):
        raise ValueError(f"cameras.{name}.transport is '{transport}', must be raw or compressed")
    return CameraSettings(name, topic, transport)


def _value(node: Node, name: str) -> Any:
    return node.get_parameter(name).value
